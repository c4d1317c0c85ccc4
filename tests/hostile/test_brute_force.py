"""Guessing one-time codes over HTTP: how many guesses are ever compared (R23, T12 to T16).

The comparison itself is watched, not the answers. Each cap has a control that shows what happens
without it. The counters across restarts are in `test_brute_force_restart`.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from gateway import agents
from interventions.models import Intervention
from interventions.providers import otp
from tests.agents import PlayedAgent
from tests.crowd import at_once
from tests.hostile.guessing import (
    Watch,
    asked,
    delivered,
    guess,
    most,
    resend,
    ruled,
    shown,
    unlimited,
    wrong,
)

pytestmark = [
    pytest.mark.usefixtures("shop"),
    pytest.mark.requirement("R23", "T13", "T14"),
]

GUESSES = int(os.environ.get("AGENTIC_GUESSES", "200"))
"""R23 asks for a thousand, which take a quarter of a minute and show the same."""

SESSIONS = 50
PARALLEL, AT_ONCE = 200, 40

PER_CHALLENGE, PER_SESSION, PER_DESTINATION = 5, 10, 20
SENDS_PER_HOUR, SENDS_PER_DAY, SENDS_PER_CHALLENGE = 5, 10, 3


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


# One session -----------------------------------------------------------------------------


def test_sequential_guesses_are_five_comparisons(watch: Watch) -> None:
    """(a), (d): then even the right code is refused, and the refusal is that of a wrong one."""
    agent = PlayedAgent()
    session = asked(agent)
    (code,) = delivered()

    answers = [guess(agent, session, wrong(code, number)) for number in range(1, GUESSES + 1)]
    late = guess(agent, session, code)

    assert len(watch.seen) == PER_CHALLENGE
    assert {answer.status_code for answer in answers[:PER_CHALLENGE]} == {200}
    assert {shown(answer, session) for answer in answers[PER_CHALLENGE:]} == {shown(late, session)}
    assert late.json()["code"] == "no_pending_intervention"
    assert agent.complete(session).json()["status"] == "not_ready_for_payment"


def test_a_patient_agent_has_ten_guesses_in_a_session(watch: Watch) -> None:
    """(a): new challenges after each cool-down give no more; the tenth wrong code cancels it (T13)."""
    agent = PlayedAgent()
    code = "000000"
    with time_machine.travel(timezone.now(), tick=False) as clock:
        session = asked(agent)
        for number in range(GUESSES):
            code = (delivered() or [code])[-1]
            guess(agent, session, wrong(code, number + 1))
            agent.post(f"/checkout_sessions/{session['id']}", {})
            clock.shift(timedelta(seconds=20))
        late = guess(agent, session, code)

        assert agent.retrieve(session)["status"] == "canceled"

    assert watch.most("intervention") == PER_CHALLENGE
    assert watch.most("session") == len(watch.seen) == PER_SESSION
    assert late.status_code == 405


def test_without_the_cap_every_guess_is_compared(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two tests above can fail."""
    monkeypatch.setattr(otp, "count", unlimited)
    agent = PlayedAgent()
    session = asked(agent)
    (code,) = delivered()

    for number in range(1, 12):
        guess(agent, session, wrong(code, number))

    assert len(watch.seen) == 11


# Many at once ----------------------------------------------------------------------------


def flood(code: str, session: dict[str, object]) -> set[int]:
    """Many wrong codes, many of them at a time; the statuses of the answers."""
    each = PARALLEL // AT_ONCE

    def some(number: int) -> set[int]:
        agent, first = PlayedAgent(), 1 + number * each
        return {guess(agent, session, wrong(code, n)).status_code for n in range(first, first + each)}

    return set().union(*at_once(AT_ONCE, some))


@pytest.mark.services
def test_parallel_guesses_are_five_comparisons(watch: Watch) -> None:
    """(b), (d), T16."""
    agent = PlayedAgent()
    session = asked(agent)
    (code,) = delivered()

    statuses = flood(code, session)

    assert len(watch.seen) == PER_CHALLENGE
    assert Intervention.objects.get().attempts == PER_CHALLENGE
    assert 500 not in statuses
    assert guess(agent, session, code).json()["code"] == "no_pending_intervention"


@pytest.mark.services
def test_without_the_cap_parallel_guesses_are_more(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otp, "count", unlimited)
    agent = PlayedAgent()
    session = asked(agent)
    (code,) = delivered()

    flood(code, session)

    assert len(watch.seen) > PER_SESSION


# One destination -------------------------------------------------------------------------


def besiege(sessions: int) -> list[datetime]:
    """So many sessions of three agents write to one mailbox, guess, and ask for more, all within a day;
    when mails left."""
    _, third = agents.enrol("Third agent")
    crowd = [PlayedAgent(), PlayedAgent("other-agent-key"), PlayedAgent(third)]
    spellings = ("ada@example.com", "ADA@Example.com", "ada+{}@example.com", "Ada+x+{}@EXAMPLE.COM")
    sent: list[datetime] = []
    code = "123456"
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(sessions):
            agent = crowd[number % len(crowd)]
            session = asked(agent, spellings[number % len(spellings)].format(number))
            for turn in (1, 2, 3):
                mailed = delivered()
                sent += [timezone.now()] * len(mailed)
                code = (mailed or [code])[-1]
                guess(agent, session, wrong(code, 1))
                guess(agent, session, wrong(code, 2))
                clock.shift(timedelta(seconds=61 * turn))
                resend(agent, session)
            clock.shift(timedelta(minutes=10))
    return sent


def test_one_destination_has_twenty_comparisons_a_day(watch: Watch) -> None:
    """(c): whatever sessions, agents, spellings and resends there are; and T12 for the mails."""
    sent = besiege(SESSIONS)

    assert len({seen.destination for seen in watch.seen}) == 1
    assert len(watch.seen) == watch.most_in_a_day() == PER_DESTINATION
    assert watch.most("intervention") <= PER_CHALLENGE
    assert watch.most("session") <= PER_SESSION
    assert len(sent) == len(mail.outbox) == most(sent, timedelta(hours=24)) == SENDS_PER_DAY
    assert most(sent, timedelta(hours=1)) <= SENDS_PER_HOUR
    assert max(Intervention.objects.values_list("sends", flat=True)) <= SENDS_PER_CHALLENGE
    assert most(sent, timedelta(seconds=30)) <= 2


def test_without_the_caps_of_a_destination_there_are_more(watch: Watch) -> None:
    """The test above can fail."""
    with ruled(
        attempts_per_destination=10_000, sends_per_destination_hour=100, sends_per_destination_day=1_000
    ):
        sent = besiege(8)

    assert watch.most_in_a_day() > PER_DESTINATION
    assert most(sent, timedelta(hours=24)) > SENDS_PER_DAY


def test_a_locked_destination_cannot_be_told_from_a_wrong_code(watch: Watch) -> None:
    """(d), T14: the right code is refused, with the answer that a wrong one gets, before and after."""
    agent = PlayedAgent()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        free = asked(agent, "anna@example.com")
        (code,) = delivered()
        unlocked = [shown(guess(agent, free, wrong(code, n)), free) for n in (1, 2)]
        for _ in range(4):
            session = asked(agent)
            (code,) = delivered()
            for n in range(1, 6):
                guess(agent, session, wrong(code, n))
            clock.shift(timedelta(seconds=120))
        assert len(watch.seen) == 2 + PER_DESTINATION
        session = asked(agent)
        (code,) = delivered()

        locked = [shown(guess(agent, session, said), session) for said in (code, wrong(code))]

    assert len(watch.seen) == 2 + PER_DESTINATION
    assert locked == unlocked
