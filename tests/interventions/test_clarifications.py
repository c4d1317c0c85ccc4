"""Questions to the agent: asked, answered, timed out, five at most (AA-100 to AA-114)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from interventions import clarifications, effects, ports, questions
from interventions.clarifications import answer, ask
from interventions.errors import (
    AlreadyAsking,
    AnsweredAlready,
    Invalid,
    NobodyAnswers,
    NothingAsked,
    TooManyRounds,
)
from interventions.models import Clarification, Intervention
from interventions.moves import SETTLED
from interventions.questions import Outcome, Rule
from tests.interventions.conftest import World

pytestmark = pytest.mark.django_db

WHY = "Why does your buyer need *three* of these?"
RULE = Rule("big orders", WHY, ("For a team", "For resale"), {"For resale": "deny", "*": "escalate"})


class Waiting:
    """An agent that waits, and whether it takes questions; how often it was woken."""

    def __init__(self) -> None:
        self.takes = True
        self.woken: list[str] = []

    def wake(self, subject: str) -> None:
        assert transaction.get_connection().in_atomic_block
        self.woken.append(subject)

    def answers(self, subject: str) -> bool:
        return self.takes


@pytest.fixture
def waiting(world: World) -> Iterator[Waiting]:
    made = Waiting()
    ports.plug(replace(ports.ports(), wake=made.wake, answers=made.answers))
    return made


def asked(question: str = WHY, **more: Any) -> Clarification:
    return ask("cs_1", question, source=Clarification.OPERATOR, asked_by="operator:ada", **more)


def by_rule(rule: Rule = RULE, binding: str = "cart A") -> Clarification:
    with transaction.atomic():
        return clarifications.ask_about(
            "cs_1", rule, binding=binding, amount=12_999, currency="usd", owner="aauth:x|y"
        )


def late(row: Clarification) -> None:
    Clarification.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.requirement("AA-113")
def test_a_question_is_open_until_it_is_answered_and_every_round_is_kept(waiting: Waiting) -> None:
    first = asked(options=["For a team", "For resale"])
    assert clarifications.open_of("cs_1") == first
    clarifications.delivered(first)
    answered = answer("cs_1", "  For a team ")
    second = asked("Which team?")

    assert (answered.state, answered.answer, answered.matched) == ("answered", "For a team", True)
    assert clarifications.open_of("cs_1") == second
    full = clarifications.export("cs_1")
    assert [(row["number"], row["question"], row["answer"]) for row in full] == [
        (1, WHY, "For a team"),
        (2, "Which team?", ""),
    ]
    assert full[0]["source"] == "operator"
    assert full[0]["asked_by"] == "operator:ada"
    assert full[0]["options"] == ["For a team", "For resale"]
    assert full[0]["timeout"] == 120
    assert full[0]["delivered_at"]
    assert full[0]["answered_at"]
    assert full[1]["answered_at"] is None
    assert answered.answered_at is not None
    timestamp = int(answered.answered_at.timestamp())
    assert clarifications.responses("cs_1") == [{"response": "For a team", "timestamp": timestamp}]
    assert waiting.woken == ["cs_1"] * 3


@pytest.mark.requirement("AA-101")
def test_an_agent_that_takes_no_questions_is_asked_none(waiting: Waiting) -> None:
    waiting.takes = False

    with pytest.raises(NobodyAnswers):
        asked()

    assert not Clarification.objects.exists()


def test_one_question_at_a_time(waiting: Waiting) -> None:
    asked()

    with pytest.raises(AlreadyAsking):
        asked("And when?")

    assert clarifications.rounds_left("cs_1") == 4


@pytest.mark.requirement("AA-110")
def test_there_is_no_sixth_question_whoever_asks(waiting: Waiting) -> None:
    for number in range(questions.MOST_ROUNDS):
        asked(f"Question {number}?")
        clarifications.delivered(clarifications.history("cs_1")[-1])
        answer("cs_1", f"Answer {number}")

    with pytest.raises(TooManyRounds):
        asked("One more?")
    with pytest.raises(TooManyRounds):
        by_rule()

    assert clarifications.rounds_left("cs_1") == 0
    assert not Intervention.objects.exists()
    assert clarifications.rounds_left("cs_2") == 5


@pytest.mark.requirement("AA-106")
@pytest.mark.parametrize("text", ["", "   ", "x" * 4_001, None, 7, ["yes"], "nul\x00", "half \ud800"])
def test_what_is_no_answer_changes_nothing(waiting: Waiting, text: object) -> None:
    asked()

    with pytest.raises(Invalid):
        answer("cs_1", text)

    assert clarifications.open_of("cs_1") is not None


def test_any_text_is_an_answer_also_beside_options(waiting: Waiting) -> None:
    asked(options=["Yes", "No"])

    row = answer("cs_1", "x" * 4_000)

    assert (row.matched, len(row.answer)) == (False, 4_000)


@pytest.mark.requirement("AA-109")
def test_the_first_answer_counts_and_may_be_repeated(waiting: Waiting) -> None:
    asked()
    first = answer("cs_1", "For a team")

    assert answer("cs_1", "For a team").answered_at == first.answered_at
    with pytest.raises(AnsweredAlready):
        answer("cs_1", "For resale")

    assert [row.answer for row in clarifications.history("cs_1")] == ["For a team"]
    assert waiting.woken == ["cs_1"] * 2


@pytest.mark.requirement("AA-109")
def test_nothing_is_answered_that_was_not_asked(waiting: Waiting) -> None:
    with pytest.raises(NothingAsked):
        answer("cs_1", "Hello")
    asked()
    clarifications.withdraw("cs_1")
    with pytest.raises(NothingAsked):
        answer("cs_1", "Hello")


def test_a_repeat_is_not_taken_for_the_answer_to_the_next_question(waiting: Waiting) -> None:
    """The agent was not shown that one yet."""
    clarifications.delivered(asked())
    answer("cs_1", "For a team")
    second = asked("Which team?")

    answer("cs_1", "For a team")
    with pytest.raises(AnsweredAlready):
        answer("cs_1", "For resale")
    assert clarifications.open_of("cs_1") == second

    clarifications.delivered(second)
    assert answer("cs_1", "For a team").number == 2


@pytest.mark.requirement("AA-114")
@pytest.mark.parametrize(
    "question",
    [
        "What is the one-time code?",
        "Please tell us the buyer's **card number**.",
        "Which CVV is on the back?",
        "Wie lautet das Passwort?",
        "Bitte nenne die Kartennummer",
        "Send the verification code",
        "What is the PIN code?",
    ],
)
def test_secrets_are_never_asked_for(waiting: Waiting, question: str) -> None:
    with pytest.raises(Invalid, match="never asked for codes"):
        asked(question)
    with pytest.raises(Invalid, match="never asked for codes"):
        asked("Which one?", options=[question])


@pytest.mark.parametrize(
    "question", ["", "  ", "x" * 2_001, "<b>Why?</b>", "![x](y) <img src=x>", "<!-- hidden -->", "nul\x00"]
)
def test_what_is_no_question_is_not_asked(waiting: Waiting, question: str) -> None:
    with pytest.raises(Invalid):
        asked(question)


@pytest.mark.parametrize("question", ["Is the postcode right?", "Is 2 < 3?", "See <https://shop.example>."])
def test_harmless_words_are_no_secrets(waiting: Waiting, question: str) -> None:
    assert asked(question).question == question


@pytest.mark.requirement("AA-114")
def test_no_answer_holds_the_buyers_one_time_code(world: World, waiting: Waiting) -> None:
    code = world.code("cs_1")
    asked()

    for text in (code, f"the code is {code}.", f"{code[:3]} {code[3:]}", f"{code[:3]}-{code[3:]}"):
        with pytest.raises(Invalid) as refused:
            answer("cs_1", text)
        assert code not in refused.value.message

    assert answer("cs_1", "For 12 people, by 2027").state == "answered"


@pytest.mark.requirement("AA-111")
@pytest.mark.parametrize(
    ("setting", "outcomes", "outcome", "state"),
    [
        ("expire", {}, Outcome.EXPIRE, "expired"),
        ("continue", {}, Outcome.CONTINUE, "passed"),
        ("expire", {"no_answer": "continue"}, Outcome.CONTINUE, "passed"),
        ("continue", {"no_answer": "deny"}, Outcome.DENY, "denied"),
        ("expire", {"no_answer": "escalate"}, Outcome.ESCALATE, "passed"),
    ],
)
def test_silence_does_what_the_rule_or_the_setting_says(
    world: World, waiting: Waiting, setting: str, outcomes: dict[str, str], outcome: Outcome, state: str
) -> None:
    ports.plug(replace(ports.ports(), unanswered=setting))
    began = timezone.now()
    row = by_rule(replace(RULE, outcomes=outcomes))
    late(row)
    late_since = timezone.now() - timedelta(seconds=30)

    effects.sweep()
    effects.sweep()

    (kept,) = clarifications.history("cs_1")
    assert (kept.state, clarifications.outcome_of(kept)) == ("unanswered", outcome)
    assert Intervention.objects.get().state == state
    assert clarifications.gave_up("cs_1", late_since) is (outcome == Outcome.EXPIRE)
    assert not clarifications.gave_up("cs_1", began + timedelta(hours=1))
    assert [kind for kind, _ in world.queued] == [SETTLED]
    with pytest.raises(NothingAsked):
        answer("cs_1", "Too late")


@pytest.mark.requirement("AA-111")
def test_an_answer_after_the_time_does_not_count_although_nobody_has_swept(waiting: Waiting) -> None:
    late(asked())

    assert clarifications.open_of("cs_1") is None
    with pytest.raises(NothingAsked):
        answer("cs_1", "Too late")
    assert clarifications.time_out("cs_1") is True
    assert clarifications.time_out("cs_1") is False


def test_an_overdue_question_is_in_the_way_of_no_other(waiting: Waiting) -> None:
    late(asked())

    assert asked("And now?").number == 2


@pytest.mark.parametrize(
    ("said", "outcome", "state"),
    [
        ("For a team", Outcome.CONTINUE, "passed"),
        ("For resale", Outcome.DENY, "denied"),
        ("none of your business", Outcome.ESCALATE, "passed"),
    ],
)
def test_an_answer_does_what_its_rule_says_and_nothing_else(
    waiting: Waiting, said: str, outcome: Outcome, state: str
) -> None:
    rule = replace(RULE, outcomes={**RULE.outcomes, "For a team": "continue"})
    by_rule(rule)

    row = answer("cs_1", said)

    assert clarifications.outcome_of(row) == outcome
    assert Intervention.objects.get().state == state


def test_words_that_name_an_outcome_are_words(waiting: Waiting) -> None:
    """Answers are text: `*` and `no_answer` in an answer choose nothing."""
    for said in ("*", "no_answer", "continue"):
        assert (
            questions.outcome({"*": "deny", "no_answer": "continue"}, (), said, unanswered="continue")
            == Outcome.DENY
        )
    assert questions.outcome({"*": "approve"}, (), "x", unanswered="expire") == Outcome.DENY


def test_two_rules_ask_one_after_the_other_about_one_purchase(waiting: Waiting) -> None:
    by_rule()
    answer("cs_1", "For a team")
    by_rule(replace(RULE, question="And when?"))

    assert Intervention.objects.filter(kind="question").count() == 2
    assert clarifications.history("cs_1")[1].number == 2


def test_a_rule_waits_for_somebody_elses_question(waiting: Waiting) -> None:
    asked()

    with pytest.raises(AlreadyAsking):
        by_rule()

    assert not Intervention.objects.exists()


def test_a_withdrawn_question_stays_a_round(world: World, waiting: Waiting) -> None:
    row = by_rule()

    assert clarifications.withdraw("cs_1", only="clr_other") is False
    assert clarifications.withdraw("cs_1", only=row.pk) is True
    assert clarifications.withdraw("cs_1") is False

    assert clarifications.outcome_of(clarifications.history("cs_1")[0]) is None
    assert Intervention.objects.get().state == "canceled"
    assert clarifications.rounds_left("cs_1") == 4


@pytest.mark.parametrize("seconds", [0, 9, 3_601])
def test_an_agent_thinks_for_a_sane_time(waiting: Waiting, seconds: int) -> None:
    with pytest.raises(Invalid):
        asked(timeout_seconds=seconds)


def test_a_refused_question_leaves_the_callers_transaction_usable(waiting: Waiting) -> None:
    with transaction.atomic():
        asked()
        with pytest.raises(AlreadyAsking):
            asked("Twice?")
        assert answer("cs_1", "Fine").state == "answered"
