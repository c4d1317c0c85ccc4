"""Before a person decides, their agent can be asked why: by a rule, an operator, or them (AA-100)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from gateway import grants
from gateway.aauth import codes
from gateway.aauth.person_server import asking
from gateway.aauth.problems import Problem
from gateway.pending_models import PendingRequest
from gateway.person_models import Grant
from interventions import clarifications, question_rules, questions
from interventions.models import Clarification, ClarificationRule, Intervention
from tests.aauth.person_server.consents import QUESTION, Account, Asker, bound, heading, problem, serving
from tests.aauth.persons import body
from tests.operators import act, log_in

pytestmark = pytest.mark.django_db

ASKS = "requirement=clarification"


def rule(**members: Any) -> ClarificationRule:
    made = {"name": "why", "about": "consent", "question": QUESTION, "options": ["A plan", "Resale"]}
    return ClarificationRule.objects.create(**made | {"outcomes": {"Resale": "deny"}} | members)


def said(text: str) -> dict[str, str]:
    return {"action": "clarification_response", "clarification_response": text}


def grant() -> Grant:
    return Grant.objects.get()


@pytest.fixture(autouse=True)
def _rules_are_read_anew() -> Iterator[None]:
    question_rules.forget()
    yield
    question_rules.forget()


@pytest.mark.requirement("AA-100", "AA-101", "AA-102", "AA-103")
def test_a_rule_asks_the_agent_before_its_person(asker: Asker) -> None:
    rule()
    pending = asker.ask()
    answer = asker.answer
    assert answer is not None

    asked = body(answer)
    here = Account(pending, "ada").come()
    then = asker.post(pending, said("A plan"))

    assert answer.headers["AAuth-Requirement"] == ASKS
    assert (asked["clarification"], asked["options"], asked["status"]) == (
        QUESTION,
        ["A plan", "Resale"],
        "pending",
    )
    assert 0 < asked["timeout"] <= 120
    assert codes.code_of(pending) not in str(answer.headers)
    assert "Next you see whether anything is left for you to do." in here.content.decode()
    assert then.status_code == 202
    assert codes.code_of(pending) in then.headers["AAuth-Requirement"]
    Account(pending, "ada").decides()
    assert asker.poll(pending).status_code == 200
    assert [row.answer for row in clarifications.history(grant().pk)] == ["A plan"]


@pytest.mark.requirement("AA-101")
@pytest.mark.parametrize("capabilities", [("interaction",), ()], ids=["without", "silent"])
def test_an_agent_that_takes_no_questions_is_asked_none(asker: Asker, capabilities: tuple[str, ...]) -> None:
    rule()

    asker.answer = asking.begin(asker.identity, asker.wanted(), capabilities=capabilities)

    pending = PendingRequest.objects.get()
    assert codes.code_of(pending) in asker.answer.headers["AAuth-Requirement"]
    assert not Clarification.objects.exists()
    page = Account(pending, "ada").consent_page()
    assert 'value="ask"' not in page.content.decode()


@pytest.mark.requirement("AA-100", "AA-111")
@pytest.mark.parametrize(
    ("answer", "status", "error", "state"),
    [("Resale", 403, "denied", "denied"), (None, 408, "expired", "ended")],
    ids=["denied", "silent"],
)
def test_an_answer_or_silence_can_end_it(
    asker: Asker, answer: str | None, status: int, error: str, state: str
) -> None:
    rule()
    pending = asker.ask()

    if answer is None:
        Clarification.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        told = asker.poll(pending)
    else:
        told = asker.post(pending, said(answer))

    assert problem(told) == (status, error)
    assert "charged" not in body(told)["detail"]
    assert grant().state == state
    assert not Intervention.objects.filter(state__in=("pending", "interacting")).exists()


def test_where_silence_goes_on_the_person_is_asked(asker: Asker) -> None:
    rule(outcomes={"no_answer": "continue"})
    pending = asker.ask()
    Clarification.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    told = asker.poll(pending)

    assert told.status_code == 202
    assert "requirement=interaction" in told.headers["AAuth-Requirement"]


def test_each_rule_that_fits_asks_once(asker: Asker) -> None:
    rule()
    rule(name="another", question="For whom?", options=[], outcomes={}, priority=200)
    rule(name="not this one", question="Not about this?", owner="aauth:https://other.example|x")
    ClarificationRule.objects.create(name="mugs", question="Why mugs?")
    pending = asker.ask()

    second = asker.post(pending, said("A plan"))
    third = asker.post(pending, said("For me."))

    assert body(second)["clarification"] == "For whom?"
    assert "requirement=interaction" in third.headers["AAuth-Requirement"]


@pytest.mark.requirement("AA-100")
def test_the_person_asks_on_the_way_and_decides_with_the_answer(asker: Asker) -> None:
    pending = asker.ask()
    ada = Account(pending, "ada")
    page = ada.consent_page()

    field = ada.open(ada.press(page, "ask").headers["Location"])
    ada.press(field, "ask", question="Which evenings?")
    asked = asker.poll(pending)
    asker.post(pending, said("Only Fridays."))
    told = ada.open(f"{ada.path}/ask")

    assert body(asked)["clarification"] == "Which evenings?"
    assert body(asked)["status"] == "interacting"
    assert heading(told) == "Ask your agent"
    assert "Only Fridays." in told.content.decode()
    assert "purchase" not in told.content.decode()
    ada.press(ada.open(ada.open(ada.path).headers["Location"]), "allow")
    assert grant().state == "granted"


@pytest.mark.requirement("AA-100", "AA-110")
def test_operators_ask_and_deny(asker: Asker) -> None:
    pending = asker.ask()
    operator = log_in()

    act(operator, pending, "ask_agent", template="", question="Why?", options="", timeout_seconds="60")
    asked = asker.poll(pending)
    listed = operator.get("/admin/agentic_gateway/pendingrequest/").content.decode()
    shown = operator.get("/admin/agentic_interventions/intervention/").content.decode()
    act(operator, pending, "deny")

    assert body(asked)["clarification"] == "Why?"
    assert grant().pk in listed
    assert grant().pk in shown
    assert problem(asker.poll(pending)) == (403, "denied")
    assert grant().state == "denied"


# Another request instead of an answer ----------------------------------------------------------------


def exchanged(**changed: Any) -> dict[str, Any]:
    return {"action": "updated_request", "resource_token": "r", "presented_token": "p", **changed}


@pytest.mark.requirement("AA-107")
def test_the_agent_asks_for_less_and_the_person_is_asked_that(asker: Asker) -> None:
    rule()
    pending = asker.ask()
    less = asker.wanted(scope="calendar.free", request_id="less")
    judged: list[Any] = []
    asking.plug(finish=None, replaced=lambda found, sent: judged.append((found.pk, dict(sent))) or less)

    first = asker.post(pending, exchanged(justification="Less will do."))
    told = asker.post(pending, said("A plan"))

    assert judged == [(grant().pk, exchanged(justification="Less will do."))]
    assert (first.status_code, first.headers["AAuth-Requirement"]) == (202, ASKS), "it is another request"
    assert "requirement=interaction" in told.headers["AAuth-Requirement"]
    assert "calendar.free" in Account(pending, "ada").consent_page().content.decode()
    assert [row.state for row in clarifications.history(grant().pk)] == ["replaced", "answered"]
    assert asker.ask(request_id="less").pk == pending.pk


@pytest.mark.requirement("AA-107", "AA-109")
@pytest.mark.parametrize(
    ("sent", "how", "status"),
    [
        ({"resource_token": ""}, {}, 400),
        ({"presented_token": None}, {}, 400),
        ({}, {"nobody": True}, 400),
        ({}, {"refused": True}, 400),
        ({}, {"changed": {"audience": "https://other.example"}}, 400),
        ({}, {"changed": {"key": {"kty": "OKP", "x": "another"}}}, 400),
        ({}, {"changed": {"owner": "aauth:https://agents.example|other"}}, 400),
        ({}, {"unasked": True}, 409),
        ({"justification": "\x00"}, {}, 400),
    ],
    ids=[
        "no token",
        "nothing presented",
        "nobody judges",
        "refused",
        "resource",
        "key",
        "agent",
        "unasked",
        "words",
    ],
)
def test_what_cannot_be_exchanged_stays_as_it_was(
    asker: Asker, sent: dict[str, Any], how: dict[str, Any], status: int
) -> None:
    """T53."""
    if not how.get("unasked"):
        rule()
    pending = asker.ask()
    before = list(Grant.objects.values())

    def judges(found: Grant, given: Any) -> grants.Wanted:
        if how.get("refused"):
            raise Problem(400, "invalid_resource_token", "It does not hold.")
        return replace(asker.wanted(scope="more", request_id="more"), **how.get("changed", {}))

    asking.plug(finish=None, replaced=None if how.get("nobody") else judges)

    told = asker.post(pending, exchanged(**sent))

    error = "invalid_resource_token" if how.get("refused") else "invalid_request"
    assert problem(told) == (status, error)
    assert list(Grant.objects.values()) == before


def test_older_texts_exchange_without_an_action(db: None) -> None:
    with serving(AAUTH_WORDING="dual") as asker:
        rule()
        pending = asker.ask()
        asking.plug(finish=None, replaced=lambda found, sent: asker.wanted(scope="less", request_id="less"))
        body_of_older = {name: text for name, text in exchanged().items() if name != "action"}

        told = asker.post(pending, body_of_older)

    assert told.status_code == 202
    assert grant().scope == "less"


# Rules -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"item_tag": "mugs"}, "item_tag"),
        ({"minimum_amount": 1}, "minimum_amount"),
        ({"currency": "usd"}, "currency"),
        ({"countries": "US"}, "countries"),
        ({"high_risk": True}, "high_risk"),
        ({"outcomes": {"Resale": "escalate"}}, "outcomes"),
    ],
)
def test_a_rule_about_consent_looks_at_the_agent_alone(db: None, members: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        rule(**members)

    assert set(refused.value.message_dict) == {field}


@pytest.mark.parametrize(
    ("members", "asked"),
    [({"unknown_agents": True}, True), ({"without_person_server": True}, True), ({}, True)],
)
def test_what_a_rule_can_look_at(asker: Asker, members: dict[str, Any], asked: bool) -> None:
    rule(**members)

    asker.ask()

    assert Clarification.objects.exists() is asked


def test_nobody_goes_past_a_rule_by_spending_the_rounds(asker: Asker) -> None:
    pending = asker.ask()
    for number in range(questions.MOST_ROUNDS):
        clarifications.ask(pending.subject, f"Question {number}?", source=Clarification.OPERATOR)
        asker.poll(pending)
        asker.post(pending, said(f"Answer {number}"))
    rule(outcomes={"*": "deny"})
    Intervention.objects.filter(kind="consent").delete()

    assert problem(asker.poll(pending)) == (403, "denied")


def test_a_bound_person_is_told_of_no_enrolment_after_a_question(asker: Asker) -> None:
    rule()
    ada = bound(asker, "ada")
    pending = asker.ask()
    asker.post(pending, said("A plan"))

    page = Account(pending, "ada").consent_page()

    assert "new to your account" not in page.content.decode()
    assert grant().person == ada
