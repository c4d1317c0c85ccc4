"""When a call waits for a person instead of being answered (decision 30).

Only for agents whose identity was verified and that say they can bring their person, or answer questions;
everybody else is answered as ever. Nothing here costs them a query.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from checkout import abilities, waiting
from checkout.models import CheckoutSession
from checkout.waiting import Awaited
from gateway import deferring, identities
from gateway.deferring import Call
from gateway.once import Answer
from interventions import clarifications
from interventions.negotiation import QUESTION

CREATE, UPDATE, COMPLETE = "acp.create", "acp.update", "acp.complete"


def bringing(request: HttpRequest, extras: Mapping[str, Any]) -> dict[str, Any]:
    """The extras of a session that is created or changed, with the marks of an agent that can bring its
    person to our pages, and of one that takes questions; without them again when it says so no more."""
    if identities.of(request) is None:
        return dict(extras)
    marks = {
        abilities.BRINGS: deferring.defers(request),
        abilities.ANSWERS: deferring.takes_questions(request),
    }
    return {**extras, **{name: True if says else None for name, says in marks.items()}}


def parked(
    request: HttpRequest,
    operation: str,
    session: CheckoutSession,
    *,
    version: str,
    claim: str = "",
    body: Mapping[str, Any] | None = None,
) -> Answer | None:
    """The call waits, and this is kept for it; None: it is answered now. Inside the transaction that keeps
    the answer."""
    if not waits(request, operation, session):
        return None
    paying = operation == COMPLETE
    call = Call(
        operation=operation,
        owner=session.owner,
        method=request.method or "",
        path=request.path,
        subject=session.id,
        version=version,
        body=body or {},
        total=session.total if paying else None,
        claim=claim,
        brings=deferring.defers(request),
    )
    kept = deferring.park(request, call)
    return None if kept is None else Answer(202, kept)


def waits(request: HttpRequest, operation: str, session: CheckoutSession) -> bool:
    """Somebody has to act first, and the agent cannot do it in its next call."""
    brings, answers = deferring.defers(request), deferring.takes_questions(request)
    if not brings and not answers:
        return False
    if answers and clarifications.open_of(session.id) is not None:
        return True
    return brings and is_due(operation, session, waiting.on(session, timezone.now()))


def is_due(operation: str, session: CheckoutSession, awaited: Awaited | None) -> bool:
    """What is awaited is nothing that the agent does inline: it runs 3-D Secure itself where it can, and
    before it completes, whatever else it declared (decision 17)."""
    if awaited is None or awaited.by_its_agent or awaited.kind == QUESTION:
        return False
    return operation == COMPLETE or awaited.kind not in abilities.declared(session.capabilities).supported
