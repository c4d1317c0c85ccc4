"""Everybody at once: one question, one answer, one end (T16, R23)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from interventions import clarifications, ports
from interventions.errors import AlreadyAsking, AnsweredAlready, InterventionError, NothingAsked
from interventions.models import Clarification, Intervention
from interventions.questions import Rule
from tests.crowd import at_once
from tests.interventions.conftest import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]

CROWD, TIMES = 8, 6


@pytest.fixture(autouse=True)
def _somebody_waits(world: World) -> None:
    ports.plug(replace(ports.ports(), answers=lambda subject: True))


def outcome_of(act: Callable[[], Any]) -> str:
    try:
        act()
    except (InterventionError, IntegrityError) as refused:
        return type(refused).__name__
    return "done"


def ask(subject: str, number: int = 0) -> Clarification:
    return clarifications.ask(subject, f"Question {number}?", source=Clarification.OPERATOR)


def by_rule(subject: str) -> Clarification:
    rule = Rule("why", "Why?", ("Yes", "No"), {"No": "deny", "no_answer": "deny", "Yes": "continue"})
    with transaction.atomic():
        return clarifications.ask_about(subject, rule, binding="A", amount=1, currency="usd", owner="x")


def test_two_questions_at_once_are_one() -> None:
    for time in range(TIMES):
        subject = f"cs_{time}"
        seen = Counter(at_once(CROWD, lambda n, s=subject: outcome_of(lambda: ask(s, n))))

        assert seen == {"done": 1, AlreadyAsking.__name__: CROWD - 1}
        assert Clarification.objects.filter(subject=subject).count() == 1


def test_control_a_look_before_asking_would_not_do() -> None:
    """Whoever only looks finds nothing open, and the constraint is what stops them."""
    looked = threading.Barrier(CROWD)

    def looks_then_asks(number: int) -> str:
        assert clarifications.open_of("cs_1") is None
        looked.wait(60)
        now = timezone.now()
        row = Clarification(
            subject="cs_1", number=number + 1, source="operator", question="?", expires_at=now
        )
        return outcome_of(lambda: row.save(force_insert=True))

    seen = Counter(at_once(CROWD, looks_then_asks))

    assert seen == {"done": 1, IntegrityError.__name__: CROWD - 1}


def answers_at_once(subject: str, answer: Callable[[str, object], Any]) -> Counter[str]:
    return Counter(at_once(CROWD, lambda n: outcome_of(lambda: answer(subject, f"Answer {n}"))))


def test_two_different_answers_at_once_are_one() -> None:
    for time in range(TIMES):
        subject = f"cs_{time}"
        by_rule(subject)

        seen = answers_at_once(subject, clarifications.answer)

        assert seen == {"done": 1, AnsweredAlready.__name__: CROWD - 1}
        assert Clarification.objects.get(subject=subject).state == "answered"
        assert Intervention.objects.get(subject=subject).moves.count() == 2


def test_control_reading_before_writing_lets_several_answers_in() -> None:
    ask("cs_1")
    read = threading.Barrier(CROWD)

    def reads_then_writes(subject: str, text: object) -> None:
        row = Clarification.objects.get(subject=subject)
        read.wait(60)
        if row.state != Clarification.OPEN:
            raise AnsweredAlready
        row.state, row.answer = Clarification.ANSWERED, str(text)
        row.save()

    assert answers_at_once("cs_1", reads_then_writes)["done"] == CROWD


def ends_at_once(time_out: Callable[[Clarification], Any]) -> list[tuple[str, bool, str, str]]:
    """An answer and the end of its time, at the same moment, so often: what each heard and what is true."""
    found = []
    for time in range(2 * TIMES):
        subject = f"cs_{time}"
        row = by_rule(subject)
        heard = at_once(
            2,
            lambda n, s=subject, r=row: (
                outcome_of(lambda: clarifications.answer(s, "Yes")) if n else time_out(r)
            ),
        )
        kept = Clarification.objects.get(subject=subject)
        found.append((heard[1], bool(heard[0]), kept.state, Intervention.objects.get(subject=subject).state))
    return found


def test_an_answer_and_the_end_of_its_time_are_one_of_the_two() -> None:
    for answered, timed_out, state, intervention in ends_at_once(clarifications._time_out):
        if timed_out:
            assert (answered, state, intervention) == (NothingAsked.__name__, "unanswered", "denied")
        else:
            assert (answered, state, intervention) == ("done", "answered", "passed")


def test_control_an_end_without_a_condition_contradicts_the_answer() -> None:
    answered = threading.Barrier(2)
    by_rule("cs_1")
    row = Clarification.objects.get()

    def end(number: int) -> None:
        if number:
            clarifications.answer("cs_1", "Yes")
            answered.wait(60)
        else:
            answered.wait(60)
            row.state = Clarification.UNANSWERED
            row.save()

    at_once(2, end)

    assert Clarification.objects.get().state == "unanswered"
    assert Intervention.objects.get().state == "passed"
