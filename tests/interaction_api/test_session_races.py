"""The caps on open sessions under a crowd, with a negative control (reliability-security 0.10).

SQLite has one writer at a time and would hide what is tested here.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from gateway.errors import RateLimited
from gateway.interaction_api import audit, sessions
from gateway.session_models import AgentSession
from interventions import tallies
from tests.crowd import at_once

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

CROWD = 12
CAPPED = {"MAX_SESSIONS": 3, "MAX_SESSIONS_TOTAL": 5}


def configured(**keys: Any) -> Any:
    return override_settings(AGENTIC_GATEWAY={**settings.AGENTIC_GATEWAY, **keys})


def linger(session: AgentSession, token: str) -> None:
    """Everybody else has counted meanwhile, if they can."""
    time.sleep(0.2)


def opened_by_a_crowd(openers: list[str]) -> list[bool]:
    """Who got a session."""

    def one(number: int) -> bool:
        try:
            sessions.create(opener=openers[number % len(openers)], seal=linger)
        except RateLimited:
            return False
        return True

    with configured(**CAPPED):
        return at_once(CROWD, one)


@pytest.mark.requirement("AJ-079", "AJ-063")
def test_a_crowd_opens_no_more_than_one_opener_may() -> None:
    assert opened_by_a_crowd(["a"]).count(True) == 3
    assert AgentSession.objects.count() == 3


def test_a_crowd_of_many_opens_no_more_than_there_may_be() -> None:
    assert opened_by_a_crowd([f"a{number}" for number in range(CROWD)]).count(True) == 5
    assert AgentSession.objects.count() == 5


def test_without_the_lock_the_crowd_gets_past_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    monkeypatch.setattr(tallies, "hold", lambda keys, now: None)

    assert opened_by_a_crowd(["a"]).count(True) > 5


@pytest.mark.requirement("AJ-081")
def test_revoking_all_waits_for_sessions_that_are_being_opened() -> None:
    """Whoever is told of a security event is left with no token that works."""

    def one(number: int) -> str:
        if number:
            return sessions.create(seal=linger)[1]
        time.sleep(0.1)
        sessions.revoke_all()
        return ""

    tokens = at_once(2, one)

    assert sessions.by_token(tokens[1]) is None


def test_a_session_that_is_ended_by_many_closes_its_trail_once(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    def close(session: AgentSession, because: str) -> None:
        time.sleep(0.1)
        closed.append(because)

    monkeypatch.setattr(audit, "close", close)
    session, _ = sessions.create()

    ended = at_once(CROWD, lambda number: sessions.end(session, sessions.REVOKED if number % 2 else "agent"))

    assert ended.count(True) == 1
    session.refresh_from_db()
    assert closed == [session.ended_because]
