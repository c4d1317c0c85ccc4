"""The agent's answer to a question, at the door of a parked call (AA-104 to AA-109, AA-114)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from gateway import carddata
from gateway.aauth.problems import DRAFT, Problem
from gateway.conf import conf
from gateway.identities import Identity
from gateway.pending_models import PendingRequest
from interventions import clarifications
from interventions.errors import AnsweredAlready, Invalid, NothingAsked

RESPONSE = "clarification_response"
UPDATE = "updated_request"
ACTIONS = (RESPONSE, UPDATE)

_CARDS = "Card data is never an answer to a question. Nothing of it was kept."


def respond(
    pending: PendingRequest, identity: Identity, body: Mapping[str, Any], request: HttpRequest
) -> None:
    """The question is answered, or the call that waits is another one; who waits is woken.

    Repeatable: the same answer again changes nothing. Raises Problem, and nothing is changed: 400 for what is
    no answer, 409 when no question is open or it has another answer already. No transaction may be open.
    """
    action = action_of(body)
    if carddata.find({"answer": dict(body)}) is not None:
        raise _invalid(_CARDS)
    if action == UPDATE:
        raise _invalid("The call that waits cannot be exchanged. Answer with clarification_response.")
    _answer(pending, body)


def action_of(body: Mapping[str, Any]) -> str:
    """What the agent does. Raises Problem without an action that we know (AA-105).

    Older texts know no action: there the one member says it, if it is the only one (AA-106).
    """
    if "action" not in body and conf().AAUTH_WORDING != DRAFT:
        meant = [name for name in (RESPONSE, "resource_token") if name in body]
        if meant == [RESPONSE]:
            return RESPONSE
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


def _invalid(detail: str) -> Problem:
    return Problem(400, "invalid_request", detail)
