"""What operators see of calls that wait, and how they ask an agent (AA-110, AA-112, AA-113)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from checkout.models import CheckoutSession
from gateway.aauth import codes, resuming
from gateway.pending_models import PendingRequest
from interventions import clarifications, ports, question_rules
from interventions.models import Clarification, ClarificationRule
from tests.operators import act, listing, log_in, open_shop, page

pytestmark = pytest.mark.django_db(transaction=True)

SPOOF = "<script>alert(1)</script> [pay](javascript:alert(1)) \u202egnp.exe\u2066"


@pytest.fixture
def waiting(db: None) -> Iterator[PendingRequest]:
    """A call that waits, of an agent that takes questions."""
    session = CheckoutSession.objects.get(pk=open_shop().ready()["id"])
    before = ports._plugged
    ports.plug(replace(ports.ports(), answers=resuming.answers, wake=resuming.wake))
    yield PendingRequest.objects.create(
        owner="aauth:https://agents.example|aauth:shopper@agents.example",
        subject=session.pk,
        operation="acp.complete",
        method="POST",
        path="/complete",
        held_body="sealed-secret-body",
        capabilities=["clarification", "interaction"],
        wording="dual",
        expires_at=timezone.now() + timedelta(minutes=10),
    )
    ports._plugged = before
    question_rules.forget()


@pytest.fixture
def operator(db: None) -> Client:
    return log_in()


def asks(operator: Client, waiting: PendingRequest, question: str = "Why?", **more: str) -> Any:
    given = {"question": question, "timeout_seconds": "120", **more}
    return act(operator, waiting, "ask_agent", **given)


@pytest.mark.requirement("AA-100")
def test_an_operator_asks_in_their_own_words(operator: Client, waiting: PendingRequest) -> None:
    told = asks(operator, waiting, "Is this *really* for **you**?", options="Yes\n No \n")

    asked = clarifications.open_of(waiting.subject)
    assert asked is not None
    assert (asked.question, asked.options) == ("Is this *really* for **you**?", ["Yes", "No"])
    assert (asked.source, asked.asked_by) == ("operator", "operator:olga")
    assert "the agent is asked" in told.text
    assert "Asked: Is this" in LogEntry.objects.latest("pk").change_message


def test_an_operator_asks_what_a_rule_asks(operator: Client, waiting: PendingRequest) -> None:
    rule = ClarificationRule.objects.create(
        name="why", question="Why now?", options=["A", "B"], outcomes={"B": "deny"}
    )

    asks(operator, waiting, "", template=str(rule.pk))

    asked = clarifications.open_of(waiting.subject)
    assert asked is not None
    assert (asked.question, asked.options, asked.outcomes) == ("Why now?", ["A", "B"], {})


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("", "Choose a rule"),
        ("What is the one-time code?", "never asked for codes"),
        ("Your card number, please", "never asked for codes"),
        ("<img src=x onerror=alert(1)>", "Raw HTML"),
        ("x" * 2_001, "at most 2000"),
        ("> " * 60 + "deep", "nested"),
    ],
)
@pytest.mark.requirement("AA-114")
def test_what_may_not_be_asked_is_refused_with_its_reason(
    operator: Client, waiting: PendingRequest, question: str, why: str
) -> None:
    told = asks(operator, waiting, question)

    assert told.status_code == 200
    assert why in told.text
    assert not Clarification.objects.exists()


def test_the_reason_is_shown_when_the_agent_cannot_be_asked(
    operator: Client, waiting: PendingRequest
) -> None:
    """AA-101, AA-110."""
    button = 'value="ask_agent"'
    assert button in operator.get(page(waiting)).text

    PendingRequest.objects.update(capabilities=["interaction"])
    assert "takes no questions" in asks(operator, waiting).text
    assert button not in operator.get(page(waiting)).text
    PendingRequest.objects.update(capabilities=["clarification"])

    asks(operator, waiting)
    assert "A question is open" in asks(operator, waiting, "And?").text
    for number in range(4):
        clarifications.delivered(clarifications.history(waiting.subject)[-1])
        clarifications.answer(waiting.subject, f"Answer {number}")
        asks(operator, waiting, f"Question {number}?")
    clarifications.delivered(clarifications.history(waiting.subject)[-1])
    clarifications.answer(waiting.subject, "Enough")
    assert Clarification.objects.count() == 5
    assert "All 5 questions were asked" in asks(operator, waiting, "One more?").text
    assert "0 of 5. All 5 questions" in operator.get(page(waiting)).text
    assert Clarification.objects.count() == 5

    PendingRequest.objects.update(state="resolved")
    assert "does not wait any more" in asks(operator, waiting).text


def test_asking_needs_its_permission(waiting: PendingRequest) -> None:
    client, user = Client(), User.objects.create_user("vera", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_pendingrequest"))
    client.force_login(user)

    shown = client.get(page(waiting))
    asks(client, waiting)
    assert shown.status_code == 200
    assert "Ask the agent" not in shown.text
    assert not Clarification.objects.exists()

    user.user_permissions.add(Permission.objects.get(codename="ask_clarification"))
    asks(client, waiting)
    act(client, waiting, "deny")
    assert Clarification.objects.count() == 1
    assert PendingRequest.objects.get().state == "pending"


@pytest.mark.requirement("AA-112")
@pytest.mark.parametrize("said", [SPOOF, "long " * 700, "Approved by the merchant.\n\nNot really."])
def test_answers_are_shown_as_the_agents_words_and_nothing_else(
    operator: Client, waiting: PendingRequest, said: str
) -> None:
    asks(operator, waiting, f"Is **this** {SPOOF[-10:]} yours?".replace("<", ""))
    clarifications.answer(waiting.subject, said)

    shown = operator.get(page(waiting)).text

    assert "The agent answered:" in shown
    assert "<script>alert" not in shown
    assert "\u202e" not in shown
    assert "\u2066" not in shown
    assert 'href="javascript' not in shown
    if said == SPOOF:
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
        assert "\\u202e" in shown


@pytest.mark.requirement("AA-113")
def test_the_history_goes_out_in_both_forms(operator: Client, waiting: PendingRequest) -> None:
    asks(operator, waiting, options="Yes")
    clarifications.delivered(Clarification.objects.get())
    row = clarifications.answer(waiting.subject, "Yes")
    where = reverse("admin:agentic_pending_request_history", args=(waiting.pk,))

    told = operator.get(where)

    assert told["Content-Type"] == "application/json"
    assert row.answered_at is not None
    stamp = int(row.answered_at.timestamp())
    assert told.json()["clarification_history"] == [{"response": "Yes", "timestamp": stamp}]
    (full,) = told.json()["rounds"]
    assert {name: full[name] for name in ("number", "question", "options", "answer", "matched")} == {
        "number": 1,
        "question": "Why?",
        "options": ["Yes"],
        "answer": "Yes",
        "matched": True,
    }
    assert all(full[name] for name in ("asked_by", "timeout", "asked_at", "delivered_at", "answered_at"))
    assert Client().get(where).status_code == 302
    assert operator.get(where.replace("prq_", "prq_0")).status_code == 404


def test_deny_and_expire_end_the_call(operator: Client, waiting: PendingRequest) -> None:
    asks(operator, waiting)

    told = act(operator, waiting, "deny", reason="looks like fraud")

    waiting.refresh_from_db()
    assert (waiting.state, waiting.terminal_status, waiting.terminal_error) == ("denied", 403, "denied")
    assert "fraud" not in waiting.terminal_detail
    assert waiting.held_body == ""
    assert Clarification.objects.get().state == "withdrawn"
    assert "is told no" in told.text
    again = act(operator, waiting, "deny")
    assert "has ended" in again.text

    other = PendingRequest.objects.create(
        owner=waiting.owner,
        subject=waiting.subject,
        operation="acp.complete",
        method="POST",
        path="/complete",
        capabilities=[],
        wording="dual",
        expires_at=timezone.now() + timedelta(minutes=10),
    )
    act(operator, other, "end_now")
    other.refresh_from_db()
    assert (other.state, other.terminal_status) == ("expired", 408)


def test_a_question_can_be_taken_back(operator: Client, waiting: PendingRequest) -> None:
    asks(operator, waiting)

    act(operator, waiting, "take_back")

    assert Clarification.objects.get().state == "withdrawn"
    assert "No question is open" in act(operator, waiting, "take_back").text


def test_no_link_code_or_body_is_shown(operator: Client, waiting: PendingRequest) -> None:
    shown = operator.get(page(waiting)).text + operator.get(listing(PendingRequest)).text

    assert "sealed-secret-body" not in shown
    assert codes.code_of(waiting) not in shown
    assert codes.bare(codes.code_of(waiting)) not in shown
    assert codes.pending_url(waiting).rsplit("/", 1)[1] not in shown
    assert codes.page_url(waiting).rsplit("/", 1)[1] not in shown


def test_a_list_costs_the_same_however_long(
    operator: Client, waiting: PendingRequest, django_assert_max_num_queries: Any
) -> None:
    for _ in range(10):
        PendingRequest.objects.create(
            pk=f"prq_{uuid.uuid4().hex}",
            owner=waiting.owner,
            subject=waiting.subject,
            operation="acp.complete",
            method="POST",
            path="/complete",
            wording="dual",
            expires_at=waiting.expires_at,
        )
    with django_assert_max_num_queries(6):
        assert operator.get(listing(PendingRequest)).status_code == 200


# Rules --------------------------------------------------------------------------------------

FORM = {
    "name": "big orders",
    "active": "on",
    "priority": "10",
    "minimum_amount": "10000",
    "currency": "USD",
    "question": "Why so many?",
    "timeout_seconds": "60",
    "continuing": "For a team\nA present",
    "denying": "Resale",
    "other": "escalate",
    "silence": "deny",
}


def test_a_rule_is_written_with_options_as_lines(operator: Client) -> None:
    add = f"{listing(ClarificationRule)}add/"
    assert "Never ask for codes" in operator.get(add).text

    kept = operator.post(add, FORM)

    assert kept.status_code == 302, kept.text
    rule = ClarificationRule.objects.get()
    assert rule.options == ["For a team", "A present", "Resale"]
    assert rule.outcomes == {
        "For a team": "continue",
        "A present": "continue",
        "Resale": "deny",
        "*": "escalate",
        "no_answer": "deny",
    }
    assert rule.currency == "usd"
    shown = operator.get(page(rule)).text
    assert "For a team\nA present</textarea>" in shown
    again = operator.post(page(rule), {**FORM, "name": "bigger", "silence": "", "escalating": "Maybe"})
    assert again.status_code == 302
    rule.refresh_from_db()
    assert "no_answer" not in rule.outcomes
    assert rule.outcomes["Maybe"] == "escalate"
    assert "Maybe: escalate" in operator.get(listing(ClarificationRule)).text


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"question": "Which CVC is it?"}, "never asked for codes"),
        ({"question": "<b>Why</b>"}, "Raw HTML"),
        ({"denying": "A present"}, "can be there once"),
        ({"continuing": "x" * 201}, "one line of 1 to 200"),
        ({"escalating": "no_answer"}, "cannot be an option"),
        ({"continuing": "\n".join(f"Option {n}" for n in range(11))}, "at most 10"),
        ({"timeout_seconds": "5"}, "10 to 3600"),
        ({"countries": "Narnia"}, "no two-letter code"),
        ({"owner": "key:nobody"}, "Select a valid choice"),
        ({"other": "approve"}, "Select a valid choice"),
    ],
)
def test_a_rule_that_cannot_be_kept_says_why(operator: Client, wrong: dict[str, str], why: str) -> None:
    refused = operator.post(f"{listing(ClarificationRule)}add/", {**FORM, **wrong})

    assert refused.status_code == 200
    assert why in refused.text
    assert not ClarificationRule.objects.exists()
