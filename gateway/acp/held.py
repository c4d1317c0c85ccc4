"""Calls of ACP that waited for a person, run once nothing is asked any more.

Creating and changing a session is done before its call waits: what is left is to say how it stands. A
complete is carried out here, under one claim however often it is tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from checkout import completion, questioning, services, waiting
from checkout.errors import (
    AddressChanged,
    AuthenticationMissing,
    CheckoutError,
    InterventionRequired,
    NotFound,
    ProviderUnavailable,
    SessionClosed,
    StateConflict,
)
from checkout.models import CheckoutSession
from checkout.states import SessionState
from gateway import deferring
from gateway.acp import requests
from gateway.acp.deferral import COMPLETE, CREATE, UPDATE, is_due
from gateway.acp.views import ACPView, CheckoutSessionComplete
from gateway.deferring import Call, StillWaits, Turn
from gateway.once import Answer


def register() -> None:
    """Whoever parks calls can run ours. Called at start-up; repeatable."""
    deferring.register(CREATE, stands)
    deferring.register(UPDATE, stands)
    deferring.register(COMPLETE, complete, exchanged)


def stands(call: Call, turn: Turn) -> Answer | StillWaits:
    """The session as it stands now; or somebody else has to act before."""
    services.retrieve(call.subject, owner=call.owner)  # what is over by now has ended
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.of(call.owner).locked(call.subject)
        if _waits(call, session):
            return StillWaits()
        answer = _answer(session)
        turn.seal(answer)
    return answer


def complete(call: Call, turn: Turn) -> Answer | StillWaits:
    """The purchase is made, or how it failed is the answer (a refused card, a changed price), or somebody
    has to act once more, and nothing was charged. Raises SessionClosed for a session that was canceled
    or expired, and as `completion.complete` while the outcome is not known."""
    answers: list[Answer] = []

    def seal(session: CheckoutSession) -> None:
        if _waits(call, session):
            turn.still()
            return
        answers.append(_answer(session))
        turn.seal(answers[-1])

    tender = requests.tender(call.body, claim=turn.claim, resumed=True, still=turn.still)
    try:
        completion.complete(call.subject, replace(tender, shown=call.total), owner=call.owner, seal=seal)
    except InterventionRequired:
        return StillWaits() if call.brings else _as_it_is(call, turn)
    except AuthenticationMissing:
        return _as_it_is(call, turn)
    except SessionClosed:
        if not CheckoutSession.objects.filter(pk=call.subject, state=SessionState.COMPLETED).exists():
            raise
        return _as_it_is(call, turn)
    except CheckoutError as problem:
        if _may_pass(problem):
            raise
        return _sealed(ACPView().refuse(problem), turn)
    return answers[-1] if answers else StillWaits()


def exchanged(call: Call, body: Mapping[str, Any]) -> Call:
    """The complete with another body, as if it had come with that; the agent still agreed to pay what the
    session came to then, and no more. Raises SchemaViolation."""
    CheckoutSessionComplete().judge(requests.without_nulls(body, keep=requests.NEEDED_ON_COMPLETE))
    return replace(call, body=dict(body))


def _waits(call: Call, session: CheckoutSession) -> bool:
    if questioning.quoted(session) is not None:
        return True  # its agent takes questions, and has one to answer
    return call.brings and is_due(call.operation, session, waiting.on(session, timezone.now()))


def _may_pass(problem: CheckoutError) -> bool:
    passes = isinstance(problem, StateConflict | ProviderUnavailable | NotFound)
    return passes and not isinstance(problem, AddressChanged)


def _as_it_is(call: Call, turn: Turn) -> Answer:
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.of(call.owner).locked(call.subject)
        answer = _answer(session)
        turn.seal(answer)
    return answer


def _sealed(answer: Answer, turn: Turn) -> Answer:
    with transaction.atomic(durable=True):
        turn.seal(answer)
    return answer


def _answer(session: CheckoutSession) -> Answer:
    return Answer(200, ACPView().dress(session))
