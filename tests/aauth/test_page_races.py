"""Persons at the same moment: one browser is the person's, and no guess is free (AA-055, AA-056; T13)."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from gateway.aauth import arrivals, moves
from gateway.pending_models import PendingRequest
from gateway.pending_states import PendingState
from tests.aauth.agents import SignedAgent
from tests.aauth.persons import Arriving, parked
from tests.crowd import at_once
from tests.people import heading

pytestmark = pytest.mark.services

BROWSERS = 8
WRONG = "00000000"


def crowd(agent: SignedAgent) -> tuple[PendingRequest, list[Any]]:
    """That many browsers have the page open; all press Continue at once."""
    pending = parked(agent)
    people = [Arriving(pending) for _ in range(BROWSERS)]
    pages = [person.come() for person in people]
    return pending, at_once(BROWSERS, lambda number: people[number].press(pages[number], "continue"))


@pytest.mark.requirement("AA-055", "T16", "T42")
def test_of_browsers_that_continue_at_once_one_is_the_persons(signing: SignedAgent) -> None:
    pending, answers = crowd(signing)

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses.count(303) == 1
    assert set(statuses) == {303, 410}
    pending.refresh_from_db()
    assert pending.state == "interacting"
    assert pending.code_used_round == 0


@pytest.mark.requirement("AA-055")
def test_without_the_condition_several_would_be(
    signing: SignedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the same crowd, and a code that is used by looking first."""

    gate = threading.Barrier(BROWSERS)

    def looked_at(row: PendingRequest) -> PendingRequest:
        found = PendingRequest.objects.get(pk=row.pk)
        gate.wait(60)
        return found

    def used(row: PendingRequest, browser: str) -> None:
        digest = arrivals.keys.digest(browser.encode(), arrivals.BROWSER)
        PendingRequest.objects.filter(pk=row.pk).update(
            state=PendingState.INTERACTING, code_used_round=row.round, browser_digest=digest
        )

    monkeypatch.setattr(arrivals, "_locked", looked_at)
    monkeypatch.setattr(arrivals, "_use", used)

    _, answers = crowd(signing)

    assert [answer.status_code for answer in answers].count(303) > 1


@pytest.mark.requirement("AA-056", "T13")
def test_guesses_at_once_are_five(signing: SignedAgent) -> None:
    pending = parked(signing)
    people = [Arriving(pending) for _ in range(BROWSERS)]
    pages = [person.come(WRONG) for person in people]

    answers = at_once(BROWSERS, lambda number: people[number].press(pages[number], "continue"))

    pending.refresh_from_db()
    assert (pending.state, pending.code_attempts) == ("invalid_code", arrivals.MOST_ATTEMPTS)
    told = [heading(answer) for answer in answers]
    assert told.count("Enter the code of your agent") == arrivals.MOST_ATTEMPTS - 1
    assert told.count("Too many wrong codes") == BROWSERS - arrivals.MOST_ATTEMPTS + 1
    assert people[0].come().status_code == 410


@pytest.mark.requirement("AA-056", "T13")
def test_without_the_lock_eight_guesses_would_be_judged(
    signing: SignedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: attempts are counted by what was read before."""
    gate = threading.Barrier(BROWSERS)

    def looked_at(row: PendingRequest) -> PendingRequest:
        found = PendingRequest.objects.get(pk=row.pk)
        gate.wait(60)
        return found

    monkeypatch.setattr(arrivals, "_locked", looked_at)
    pending = parked(signing)
    people = [Arriving(pending) for _ in range(BROWSERS)]
    pages = [person.come(WRONG) for person in people]

    at_once(BROWSERS, lambda number: people[number].press(pages[number], "continue"))

    pending.refresh_from_db()
    assert pending.code_attempts == BROWSERS > arrivals.MOST_ATTEMPTS


@pytest.mark.requirement("AA-055")
def test_a_form_that_is_pressed_often_at_once_is_one_browser(signing: SignedAgent) -> None:
    pending = parked(signing)
    person = Arriving(pending)
    page = person.come()

    answers = at_once(BROWSERS, lambda _: person.press(page, "continue"))

    pending.refresh_from_db()
    assert pending.code_used_round == 0
    assert pending.state == "interacting"
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["Location"] for answer in answers}) == 1


@pytest.mark.requirement("AA-054")
def test_stop_and_a_run_of_the_call_at_once_are_one_of_them(signing: SignedAgent) -> None:
    """Whoever was first decides: a call that is being carried out is not stopped any more."""
    pending = parked(signing)
    person = Arriving(pending)
    person.go_on()
    pending.refresh_from_db()
    assert moves.claim(pending)

    with pytest.raises(arrivals.Busy):
        arrivals.DESK.decline(arrivals.codes.slug(pending), person.http.cookies["agentic_arrival"].value)
    pending.refresh_from_db()
    assert pending.state == "interacting"
