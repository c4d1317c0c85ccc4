"""Rules of questions are operators' data: whom they ask, and which of them can be kept (AA-100, AA-114)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from interventions import policy, question_rules
from interventions.models import ClarificationRule
from interventions.negotiation import Declared, Enforcement, Kind, Requirement, negotiate
from interventions.questions import Facts, Rule, due
from tests.interventions.conftest import World

PURCHASE = policy.Facts(frozenset({"shoes"}), 12_999, "usd", frozenset({"DE"}), owner="aauth:a|b")
FACTS = Facts(PURCHASE)
ANY = policy.Rule(frozenset(), Enforcement.ALWAYS)
WHY = Rule("why", "Why?")


@pytest.mark.requirement("AA-100")
@pytest.mark.parametrize(
    ("rule", "facts", "met"),
    [
        (WHY, FACTS, True),
        (replace(WHY, when=replace(ANY, item_tag="hats")), FACTS, False),
        (replace(WHY, when=replace(ANY, minimum_amount=13_000)), FACTS, False),
        (replace(WHY, when=replace(ANY, owner="aauth:a|b", countries=frozenset({"DE"}))), FACTS, True),
        (replace(WHY, unknown_agents=True), FACTS, False),
        (replace(WHY, unknown_agents=True), replace(FACTS, unknown_agent=True), True),
        (replace(WHY, without_person_server=True), FACTS, False),
        (replace(WHY, without_person_server=True), replace(FACTS, without_person_server=True), True),
        (replace(WHY, high_risk=True), FACTS, False),
        (replace(WHY, high_risk=True), replace(FACTS, high_risk=True), True),
        (replace(WHY, high_risk=True, unknown_agents=True), replace(FACTS, high_risk=True), False),
        (WHY, replace(FACTS, high_risk=True, unknown_agent=True, without_person_server=True), True),
    ],
)
def test_a_rule_asks_when_all_its_conditions_are_met(rule: Rule, facts: Facts, met: bool) -> None:
    assert rule.matches(facts) is met
    assert (due([rule], facts, ()) is rule) is met


def test_the_first_that_was_not_asked_asks() -> None:
    other = replace(WHY, name="who", question="Who?")

    assert due([WHY, other], FACTS, ()) is WHY
    assert due([WHY, other], FACTS, ["Why?"]) is other
    assert due([WHY, other], FACTS, ["Why?", "Who?"]) is None


def test_a_question_is_no_type_of_the_protocol() -> None:
    """Never in supported, never required (decision 23)."""
    assert "question" not in set(Kind)
    agreed = negotiate(Declared(supported=("question", "otp")), tuple(Kind), Requirement())
    assert agreed.supported == (Kind.OTP,)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"question": "Which card number?"}, "question"),
        ({"question": ""}, "question"),
        ({"options": "yes"}, "options"),
        ({"options": ["yes", "yes"]}, "options"),
        ({"options": ["x" * 201]}, "options"),
        ({"options": ["two\nlines"]}, "options"),
        ({"options": ["*"]}, "options"),
        ({"options": [str(n) for n in range(11)]}, "options"),
        ({"outcomes": {"maybe": "deny"}}, "outcomes"),
        ({"outcomes": {"*": "approve"}}, "outcomes"),
        ({"outcomes": {"no_answer": "expire"}}, "outcomes"),
        ({"outcomes": ["deny"]}, "outcomes"),
        ({"timeout_seconds": 9}, "timeout_seconds"),
        ({"countries": "Narnia"}, "countries"),
    ],
)
def test_a_rule_that_cannot_work_is_not_kept(world: World, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ClarificationRule.objects.create(**{"name": "x", "question": "Why?", **wrong})

    assert list(refused.value.message_dict) == [field]
    assert not ClarificationRule.objects.exists()


@pytest.mark.django_db
def test_rules_are_read_once_and_changes_count_at_once(world: World) -> None:
    question_rules.forget()
    first = ClarificationRule.objects.create(name="b", question="B?", priority=2, options=["x"])
    ClarificationRule.objects.create(name="a", question="A?", priority=1, currency=" USD ")
    ClarificationRule.objects.create(name="c", question="C?", active=False)

    assert [rule.question for rule in question_rules.active()] == ["A?", "B?"]
    assert question_rules.active()[0].when.currency == "usd"
    with CaptureQueriesContext(connection) as spent:
        question_rules.active()
    assert not spent
    first.delete()
    assert [rule.question for rule in question_rules.active()] == ["A?"]
