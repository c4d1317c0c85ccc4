"""`Prefer: wait`: what is held, for how long, and how many at a time (AA-023, decision 34)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections

from gateway import holding
from gateway.aauth import moves, waits
from tests.aauth.waiting.played import NamedAgent, believe, row
from tests.aauth.waiting.test_lifecycle import asked, confirmed, sneakers

if TYPE_CHECKING:
    from pytest_django import Settings


class Time:
    """The clock of the waits, which only goes on when they sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.then: Callable[[], object] = lambda: None
        self.connected: list[bool] = []

    def pause(self, seconds: float) -> None:
        self.connected.append(connection.connection is not None)
        assert not connection.in_atomic_block
        self.slept.append(seconds)
        self.now += seconds
        self.then()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(waits, "pause", made.pause)
    monkeypatch.setattr(waits, "clock", lambda: made.now)
    return made


@pytest.mark.requirement("AA-023")
def test_a_poll_is_held_until_its_time_is_over(
    named: NamedAgent, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    answer = asked(named.poll(sneakers(named), Prefer="wait=3"))

    assert answer.headers["Preference-Applied"] == "wait=3"
    assert sum(time.slept) == 3
    assert not any(time.connected), "no connection while it sleeps"
    assert holding.held() == 0


@pytest.mark.requirement("AA-023")
def test_no_longer_than_we_hold_anybody(named: NamedAgent, time: Time, settings: Settings) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AAUTH_WAIT_SECONDS": 2}
    believe()
    answer = asked(named.poll(sneakers(named), Prefer='respond-async, wait="45"'))
    assert answer.headers["Preference-Applied"] == "wait=2"
    assert sum(time.slept) == 2


@pytest.mark.requirement("AA-023")
@pytest.mark.parametrize("prefer", [None, "", "wait", "wait=", "wait=-1", "wait=soon", "return=x", "wait=0"])
def test_who_does_not_ask_is_answered_at_once(named: NamedAgent, time: Time, prefer: str | None) -> None:
    answer = asked(named.poll(sneakers(named), Prefer=prefer))
    assert "Preference-Applied" not in answer.headers
    assert time.slept == []


@pytest.mark.requirement("AA-023")
def test_what_happens_meanwhile_is_told_soon(named: NamedAgent, time: Time) -> None:
    parked = sneakers(named)
    subject = parked.json()["checkout_session_id"]

    def one_look_later() -> None:
        if len(time.slept) == 2:
            confirmed(subject)

    time.then = one_look_later
    done = named.poll(parked, Prefer="wait=20")

    assert (done.status_code, done.json()["status"]) == (200, "ready_for_payment")
    assert len(time.slept) == 2
    assert done.headers["Preference-Applied"] == "wait=20"


@pytest.mark.requirement("AA-023", "AA-077")
def test_the_person_s_arrival_is_told(named: NamedAgent, time: Time) -> None:
    parked = sneakers(named)
    time.then = lambda: moves.move(row(), "interacting") if len(time.slept) == 1 else None
    assert asked(named.poll(parked, Prefer="wait=20")).json()["status"] == "interacting"


@pytest.mark.requirement("AA-023")
def test_a_newer_poll_releases_the_older(named: NamedAgent, time: Time) -> None:
    parked = sneakers(named)
    answers: list[Any] = []

    def another() -> None:
        if not answers:
            answers.append(None)
            answers[0] = named.poll(parked)

    time.then = another
    first = named.poll(parked, Prefer="wait=20")

    assert asked(first)
    # Too fast for another answer, and yet somebody is there: the first does not go on waiting.
    assert answers[0].status_code in (202, 429)
    assert len(time.slept) <= 40


@pytest.mark.requirement("AA-023")
def test_over_the_cap_nobody_waits(named: NamedAgent, settings: Settings) -> None:
    """Each is answered; only so many threads are held, whoever holds them."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AAUTH_WAITING": 2}
    believe()
    parked = [sneakers(named, buyer={"email": f"buyer{number}@example.com"}) for number in range(4)]
    full, go = threading.Barrier(3), threading.Event()

    def hold(_: float) -> None:
        if not go.is_set():
            full.wait(60)
            go.wait(60)

    answers: dict[int, Any] = {}

    def poll(number: int) -> None:
        try:
            answers[number] = NamedAgent().poll(parked[number], Prefer="wait=1")
        finally:
            connections.close_all()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(waits, "pause", hold)
        ticking = iter(range(10_000))
        patched.setattr(waits, "clock", lambda: float(next(ticking)) / 4)
        held = [threading.Thread(target=poll, args=(number,)) for number in range(2)]
        for thread in held:
            thread.start()
        full.wait(60)
        assert holding.held() == 2
        for number in (2, 3):
            at_once = asked(named.poll(parked[number], Prefer="wait=1"))
            assert "Preference-Applied" not in at_once.headers
        go.set()
        for thread in held:
            thread.join(60)
    assert holding.held() == 0
    with holding.place() as one, holding.place() as two, holding.place() as three:
        assert (one, two, three) == (True, True, False)
