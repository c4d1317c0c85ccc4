"""Agents, a person and the sweep at once: on PostgreSQL, with negative controls (AA-205, AA-218)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from gateway import summonses, windows
from gateway.person_models import Summons
from interventions.reach_models import ReachAttempt
from tests.aauth.person_server.relayed import Asker, account, only, over, present, speaking, theirs
from tests.crowd import at_once

pytestmark = pytest.mark.services


@pytest.fixture
def person(transactional_db: None) -> Iterator[str]:
    with speaking(AAUTH_RELAY_RATE=100):
        windows.forget()
        found = account()
        present(found)
        yield found
    windows.forget()


@pytest.fixture
def asker(person: str) -> Asker:
    return theirs(person)


@pytest.mark.requirement("AA-218")
def test_asked_several_times_at_once_it_is_one(person: str, asker: Asker) -> None:
    answers = at_once(6, lambda _: Asker().ask())
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert Summons.objects.count() == ReachAttempt.objects.count() == 1


def test_without_the_constraint_it_is_several(
    person: str, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: all of them have looked before one has asked."""
    monkeypatch.setattr(summonses, "known", lambda wanted: None)
    (once,) = Summons._meta.constraints
    with connection.schema_editor() as editor:
        editor.remove_constraint(Summons, once)
    try:
        at_once(6, lambda _: Asker().ask())
        assert Summons.objects.count() > 1
    finally:
        Summons.objects.all().delete()
        with connection.schema_editor() as editor:
            editor.add_constraint(Summons, once)


def ending(asker: Asker, person: str, number: int) -> tuple[str, list[Any]]:
    """The person opens it, says no, the time is over, and the agent withdraws and polls, all at once."""
    waiting = asker.ask(code=f"ABCD-00{number:02}")
    row = Summons.objects.order_by("-created_at")[0]
    Summons.objects.filter(pk=row.pk).update(expires_at=timezone.now() + timedelta(milliseconds=40))

    def act(who: int) -> Any:
        try:
            match who:
                case 0:
                    return summonses.engage(row.pk, person).summons.state
                case 1:
                    return summonses.decline(row.pk, person).state
                case 2:
                    over(row)
                    return summonses.sweep()
                case 3:
                    return Asker().withdraw(waiting)
        except summonses.Ended as ended:
            return ended
        return Asker().poll(waiting)

    return row.pk, at_once(5, act)


@pytest.mark.requirement("AA-205")
def test_it_ends_once_whoever_is_first(person: str, asker: Asker) -> None:
    seen: Counter[str] = Counter()
    for number in range(8):
        summons_id, (opened, declined, _, withdrawn, polled) = ending(asker, person, number)
        state = Summons.objects.get(pk=summons_id).state
        seen[state] += 1
        assert state not in Summons.OPEN
        assert (opened == "engaged") <= (state == "engaged")
        assert (declined == "declined") <= (state == "declined")
        assert (withdrawn.status_code == 204) == (state == "canceled")
        told = [answer for answer in (withdrawn, polled) if answer.status_code in (200, 403)]
        assert len(told) <= 1, "the end is told once"
    assert sum(seen.values()) == 8


def both(person: str, monkeypatch: pytest.MonkeyPatch, move: Callable[..., bool]) -> int:
    """The person opens it and the agent withdraws, and both have read that it waits; how many did it."""
    gate = threading.Barrier(2)

    def met(row: Summons, to: str, **columns: Any) -> bool:
        gate.wait(30)
        return move(row, to, **columns)

    def act(who: int) -> bool:
        try:
            row = only()
            return (
                summonses.engage(row.pk, person).summons.state == "engaged" if who else summonses.cancel(row)
            )
        except summonses.Ended:
            return False

    with monkeypatch.context() as patched:
        patched.setattr(summonses, "_moved", met)
        return sum(at_once(2, act))


def unconditional(row: Summons, to: str, **columns: Any) -> bool:
    """The negative control: whoever has read it as waiting moves it."""
    Summons.objects.filter(pk=row.pk).update(state=to, **columns)
    row.state = to
    return True


@pytest.mark.requirement("AA-205")
def test_two_that_read_the_same_end_it_once(
    person: str, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker.ask()
    assert both(person, monkeypatch, summonses._moved) == 1
    Summons.objects.update(state="waiting")
    assert both(person, monkeypatch, unconditional) == 2
