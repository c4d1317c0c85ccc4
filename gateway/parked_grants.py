"""A parked call that is about a grant: its agent wants to be given something by its person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop as _

from gateway import grants
from gateway.pending_models import PendingRequest
from gateway.pending_states import PendingState
from gateway.person_models import Grant
from gateway.person_states import GrantState
from gateway.subjects import Standing, Verdict, late
from interventions import clarifications

PREFIX = "grt"

SILENT = _("The question was not answered in time. Nothing was granted.")


class Granting:
    """The `gateway.subjects.Subject` of grants."""

    texts: Mapping[str, str] = {
        PendingState.DENIED: _("This was not allowed. Nothing was granted."),
        PendingState.ABANDONED: _("The person came and did not decide in time. Nothing was granted."),
        PendingState.REVOKED: _("The agent may not have this any more."),
        PendingState.EXPIRED: _("The time to decide is over. Nothing was granted."),
        PendingState.INVALID_CODE: _("Wrong codes were entered too often. Nothing was granted."),
        PendingState.CANCELED: _("The request was withdrawn. Nothing was granted."),
        PendingState.FAILED: _("The request could not be finished. Start over."),
    }

    def until(self, subject: str) -> datetime:
        ends: datetime = Grant.objects.filter(pk=subject).values_list("expires_at", flat=True)[0]
        return ends

    def settle(self, subject: str) -> None:
        grants.settle(subject)

    def stands(self, subject: str) -> Standing | None:
        grant = Grant.objects.filter(pk=subject).first()
        return Standing(grant.state == GrantState.GRANTED, grant) if grant else None

    def verdict(self, pending: PendingRequest, standing: Standing) -> Verdict | None:
        grant: Grant = standing.row
        match grant.state:
            case GrantState.GRANTED:
                return None
            case GrantState.DENIED:
                return Verdict(PendingState.DENIED)
            case GrantState.REVOKED:
                return Verdict(PendingState.REVOKED)
        silent = clarifications.gave_up(pending.subject, pending.created_at)
        return Verdict(PendingState.EXPIRED, SILENT) if silent else Verdict(late(pending))

    def call_off(
        self, subject: str, *, claim: str, alone: Callable[[], bool], actor: str, expired: bool
    ) -> None:
        grants.end(subject, actor=actor, expired=expired)

    def refuse(self, subject: str, *, actor: str) -> None:
        grants.undo(subject, actor=actor)

    def is_paid(self, subject: str, claim: str) -> bool:
        return False

    def members(self, subject: str, kind: str) -> Mapping[str, Any]:
        return {}

    def gone(self, subject: str) -> str:
        return "How this ended was told before. What was not received is asked for anew."
