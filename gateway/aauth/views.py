"""The pending URL: GET asks, POST answers a question, DELETE withdraws (AA-020 to AA-031, decision 34)."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from checkout.errors import CompletionRunning
from gateway import identities, intake
from gateway.aauth import answers, clarifying, codes, ending, moves, problems, resuming, waits
from gateway.aauth.authentication import Signed
from gateway.aauth.problems import Problem, Unknown
from gateway.api import JSON, NothingHere, ProtocolView
from gateway.conf import conf
from gateway.deferring import Lost
from gateway.errors import UnknownPath
from gateway.identities import Identity
from gateway.pending_models import PendingRequest
from gateway.pending_states import PendingState


class AAuthView(ProtocolView):
    """What all addresses of this protocol share: its errors, and that it is switched on."""

    dialect = problems
    for_agents = False
    schema = None
    authentication_classes: Any = (Signed,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not conf().AAUTH:
            raise UnknownPath
        super().initial(request, *args, **kwargs)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.status_code >= 400 and response.headers["Content-Type"] == JSON:
            response.headers["Content-Type"] = problems.TYPE
        return response


class Pending(AAuthView):
    """One parked call, for the agent that made it and nobody else (AA-021)."""

    http_method_names: Any = ("get", "post", "delete")

    def get(self, request: Request, token: str) -> HttpResponse:
        pending, _ = self.found(request, token)
        changed_at = pending.updated_at
        asked = resuming.look(pending)
        seconds = waits.asked_for(request._request)
        if asked is not None:
            waits.not_too_fast(pending, changed_at, answers.retry_after(pending, asked))
        moves.polled(pending, timezone.now())
        waited = False
        if asked is not None and seconds:
            waited = waits.until_changed(pending, seconds)
            if waited:
                pending.refresh_from_db()
                asked = resuming.look(pending)
        response = answers.waits(pending, asked) if asked is not None else _last_word(pending)
        if waited:
            response.headers["Preference-Applied"] = f"wait={seconds}"
        return response

    def post(self, request: Request, token: str) -> HttpResponse:
        pending, identity = self.found(request, token)
        try:
            body = self.read(request)
        finally:
            intake.forget_body(request._request)
        if resuming.look(pending) is None:
            return _last_word(pending)
        clarifying.respond(pending, identity, body, request._request)
        pending.refresh_from_db()
        asked = resuming.look(pending)
        return answers.waits(pending, asked) if asked is not None else _last_word(pending)

    def delete(self, request: Request, token: str) -> HttpResponse:
        pending, identity = self.found(request, token)
        if answers.is_over(pending):
            raise answers.gone(pending)
        try:
            ending.end(pending, PendingState.CANCELED, actor=identity.owner)
        except (Lost, CompletionRunning):
            pending.refresh_from_db()
            if answers.is_over(pending):
                return _last_word(pending)
            text = "The call is being carried out and cannot be withdrawn any more. Ask what came of it."
            raise Problem(409, "conflict", text, {"Retry-After": str(answers.SOON)}) from None
        moves.delivered(pending)
        return HttpResponse(status=204)

    def found(self, request: Request, token: str) -> tuple[PendingRequest, Identity]:
        """The call, and who asks. Raises Unknown: the same for what never was, and for what is somebody
        else's (T03)."""
        identity = identities.of(request._request)
        pending_id = codes.read_token(token)
        if identity is None or pending_id is None:
            raise Unknown
        pending = PendingRequest.objects.filter(pk=pending_id, owner=identity.owner).first()
        if pending is None or pending.key_thumbprint not in ("", identity.thumbprint):
            raise Unknown
        return pending, identity


class Nothing(NothingHere):
    """Every other address below ours."""

    dialect = problems
    for_agents = False
    schema = None

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Content-Type"] = problems.TYPE
        return response


def _last_word(pending: PendingRequest) -> HttpResponse:
    """How the call ended, told once; afterwards it is gone (AA-028)."""
    if pending.delivered_at is not None:
        raise answers.gone(pending)
    response = answers.over(pending)
    # Made first: what cannot be made now is told later.
    if not moves.delivered(pending):
        raise answers.gone(pending)
    return response
