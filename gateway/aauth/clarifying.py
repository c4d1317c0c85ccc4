"""The agent's answer to a question, at the door of a parked call (AA-104 to AA-109, AA-114)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from gateway import carddata, deferring, subjects
from gateway.aauth import keeping
from gateway.aauth.problems import DRAFT, Problem
from gateway.conf import conf
from gateway.deferring import Replacer
from gateway.errors import GatewayError
from gateway.identities import Identity
from gateway.pending_models import PendingRequest
from gateway.pending_states import OPEN
from interventions import clarifications
from interventions.errors import AnsweredAlready, Invalid, NothingAsked

RESPONSE = "clarification_response"
UPDATE = "updated_request"
ACTIONS = (RESPONSE, UPDATE)

_MOVING = "The call is being carried out, and is what it was. Answer with clarification_response."
_CARDS = "Card data is never an answer to a question. Nothing of it was kept."


def respond(
    pending: PendingRequest, identity: Identity, body: Mapping[str, Any], request: HttpRequest
) -> None:
    """The question is answered, or the call that waits is another one; who waits is woken.

    Repeatable: the same answer again changes nothing. Raises Problem, and nothing is changed: 400 for what is
    no answer, 409 when no question is open or it has another answer already. No transaction may be open.
    """
    replacer = deferring.replacer(pending.operation)
    action = action_of(body, replaces=replacer is not None)
    if carddata.find({"answer": dict(body)}) is not None:
        raise _invalid(_CARDS)
    if action == UPDATE and replacer is not None:
        _replace(pending, body, replacer)
    elif action == UPDATE:
        _exchange(pending, body)
    else:
        _answer(pending, body)


def action_of(body: Mapping[str, Any], *, replaces: bool = False) -> str:
    """What the agent does. Raises Problem without an action that we know (AA-105).

    Older texts know no action: there the one member says it, if it is the only one (AA-106). `replaces`: what
    the call is about can be replaced by a resource token.
    """
    if "action" not in body and conf().AAUTH_WORDING != DRAFT:
        meant = [name for name in (RESPONSE, "resource_token") if name in body]
        if meant == [RESPONSE]:
            return RESPONSE
        if meant and replaces and RESPONSE not in meant:
            return UPDATE
    action = body.get("action")
    if action not in ACTIONS:
        raise _invalid(f"action has to be one of: {', '.join(ACTIONS)}.")
    return str(action)


def _answer(pending: PendingRequest, body: Mapping[str, Any]) -> None:
    try:
        clarifications.answer(pending.subject, body.get(RESPONSE))
    except Invalid as problem:
        raise _invalid(f"{RESPONSE}: {problem.message}") from None
    except (NothingAsked, AnsweredAlready) as problem:
        raise Problem(409, "invalid_request", problem.message) from None


def _exchange(pending: PendingRequest, body: Mapping[str, Any]) -> None:
    """The call that waits has the body in `request` from now on, as long as nothing was paid for it."""
    exchanger = deferring.exchanger(pending.operation) if conf().AAUTH_UPDATED_REQUESTS else None
    if exchanger is None:
        raise _invalid(
            f"{UPDATE}: this call cannot be exchanged. Answer with {RESPONSE}, or change the session itself."
        )
    given = body.get("request")
    if not isinstance(given, Mapping):
        raise _invalid(f"{UPDATE}: request is the other body of the call, a JSON object.")
    try:
        call = exchanger(keeping.held(pending), given)
    except GatewayError as problem:
        where = f" at {problem.param}" if problem.param else ""
        raise _invalid(f"{UPDATE}: request is refused{where}: {problem.message}") from None
    now = timezone.now()
    idle = Q(lease_until=None) | Q(lease_until__lte=now)
    rows = PendingRequest.objects.filter(idle, pk=pending.pk, state__in=OPEN, fence=pending.fence)
    try:
        with transaction.atomic(durable=True):
            clarifications.replaced(pending.subject, body.get("justification"))
            held = keeping.keep(call)
            changed = rows.update(held_body=held, updated_at=now)
            if not changed or subjects.of(pending.subject).is_paid(pending.subject, call.claim):
                raise Problem(409, "invalid_request", _MOVING)
    except Invalid as problem:
        raise _invalid(f"justification: {problem.message}") from None
    except NothingAsked as problem:
        raise Problem(409, "invalid_request", problem.message) from None


def _replace(pending: PendingRequest, body: Mapping[str, Any], replacer: Replacer) -> None:
    """What the call is about is another request from now on, as long as nobody has decided."""
    put = replacer(pending.subject, body)
    try:
        with transaction.atomic(durable=True):
            put()
            clarifications.replaced(pending.subject, body.get("justification"))
    except Invalid as problem:
        raise _invalid(f"justification: {problem.message}") from None
    except NothingAsked as problem:
        raise Problem(409, "invalid_request", problem.message) from None


def _invalid(detail: str) -> Problem:
    return Problem(400, "invalid_request", detail)
