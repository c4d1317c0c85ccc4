"""Parks calls: the row is written with the idempotent answer, and stands for it from then on."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from gateway import identities, subjects
from gateway.aauth import answers, keeping, requirements
from gateway.conf import conf
from gateway.deferring import Call
from gateway.errors import Unavailable
from gateway.identities import CLARIFICATION, INTERACTION
from gateway.pending_models import PendingRequest
from interventions.prepared import insert


class PendingRequests:
    """`gateway.deferring.Parking` for agents with an identity of their own."""

    def defers(self, request: HttpRequest) -> bool:
        identity = identities.of(request)
        return identity is not None and identity.can(INTERACTION)

    def takes_questions(self, request: HttpRequest) -> bool:
        identity = identities.of(request)
        return identity is not None and identity.can(CLARIFICATION)

    def park(self, request: HttpRequest, call: Call) -> bytes | None:
        """The call waits, for as long as what it is about does at most. Its row is its own: another request,
        with another key, is another call (AA-116)."""
        identity = identities.of(request)
        if identity is None or not identity.capabilities or identity.owner != call.owner:
            return None
        now = timezone.now()
        ends = subjects.of(call.subject).until(call.subject)
        row = PendingRequest(
            owner=call.owner,
            subject=call.subject,
            operation=call.operation,
            version=call.version,
            method=call.method,
            path=call.path[:255],
            held_body=keeping.keep(call),
            capabilities=sorted(identity.capabilities),
            wording=conf().AAUTH_WORDING,
            expires_at=min(now + timedelta(seconds=conf().AAUTH_PENDING_SECONDS), ends),
            created_at=now,
            updated_at=now,
        )
        insert([row])
        return row.pk.encode()

    def answer(self, request: HttpRequest, kept: bytes) -> HttpResponse:
        """The same 202 as before, with the same URLs and the same code (AA-059); once the call has ended,
        how, as often as it is asked. Raises Unavailable when the row is gone."""
        row = PendingRequest.objects.filter(pk=kept.decode()).first()
        if row is None:
            raise Unavailable
        return answers.over(row) if answers.is_over(row) else answers.waits(row, requirements.of(row))
