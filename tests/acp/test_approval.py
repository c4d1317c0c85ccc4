"""Purchases that the merchant wants to look at before they are paid (decision 23)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from checkout.models import Approval, Order, Payment, SandboxCharge
from gateway.shop.models import Product
from interventions import policy, services
from interventions.models import Intervention, InterventionMove, Policy
from tests.agents import ADDRESS, PlayedAgent, codes
from tests.operators import act, listing, log_in, page

PENS = {"id": "item_pens", "quantity": 5}
pytestmark = pytest.mark.requirement("ACP-037")


@pytest.fixture
def operator(shop: None) -> Client:
    return log_in()


def waiting(agent: PlayedAgent, **members: Any) -> dict[str, Any]:
    """A session that was completed and waits for the merchant."""
    session = agent.complete(agent.ready(PENS, **members)).json()
    assert session["status"] == "pending_approval"
    return session


def test_nothing_is_charged_before_the_merchant_said_yes(agent: PlayedAgent, operator: Client) -> None:
    session = agent.ready(PENS)
    asked = agent.complete(session)

    assert asked.status_code == 200
    told = asked.json()
    assert told["status"] == "pending_approval"
    assert "order" not in told
    assert codes(told) == ["info"]
    assert "approve" in told["messages"][0]["content"]
    assert not Payment.objects.exists()
    assert not SandboxCharge.objects.exists()
    assert agent.retrieve(told) == told

    act(operator, Approval.objects.get(), "approve", reason="a known school")

    ready = agent.retrieve(told)
    assert (ready["status"], ready["messages"]) == ("ready_for_payment", [])
    done = agent.complete(ready).json()
    assert done["status"] == "completed"
    assert Order.objects.get().amount == SandboxCharge.objects.get().amount == Approval.objects.get().amount


@pytest.mark.requirement("ACP-125", "ACP-126", "ACP-128")
def test_it_is_no_intervention_that_an_agent_hears_of(agent: PlayedAgent) -> None:
    """Decision 23: never in supported, required or intervention_context."""
    told = waiting(agent, capabilities={"interventions": {"supported": ["otp", "redirect", "approval"]}})

    assert "approval" not in str(told["capabilities"])
    assert "intervention_context" not in told
    assert "required" not in told["capabilities"]["interventions"]


def test_below_the_amount_nobody_is_asked(agent: PlayedAgent) -> None:
    assert agent.complete(agent.ready({"id": "item_pens", "quantity": 2})).json()["status"] == "completed"
    assert not Approval.objects.exists()


def test_completing_again_asks_nobody_again(agent: PlayedAgent) -> None:
    """The merchant's queue must not grow with the agent's impatience."""
    told = waiting(agent)
    first = Approval.objects.get()

    for _ in range(3):
        assert agent.complete(told).json()["status"] == "pending_approval"

    assert Approval.objects.get() == first
    assert InterventionMove.objects.count() == 1


@pytest.mark.requirement("ACP-130")
def test_an_update_does_not_take_the_question_back_that_a_handler_asked(
    agent: PlayedAgent, operator: Client
) -> None:
    """With what it is paid is known at complete alone: until then the merchant goes on looking."""
    Policy.objects.create(name="card", kinds=[], approval=True, handler="sandbox_card")
    policy.forget()
    session = agent.ready()
    assert agent.complete(session).json()["status"] == "pending_approval"

    for _ in range(2):
        assert agent.update(session, {})["status"] == "pending_approval"
    act(operator, Approval.objects.get(), "approve")

    assert agent.complete(session).json()["status"] == "completed"
    assert Approval.objects.get().state == "passed"


def test_a_no_is_told_without_its_reason(agent: PlayedAgent, operator: Client) -> None:
    told = waiting(agent)

    act(operator, Approval.objects.get(), "deny", reason="looks like fraud")

    seen = agent.retrieve(told)
    assert seen["status"] == "not_ready_for_payment"
    assert codes(seen) == ["approval_required"]
    assert "fraud" not in str(seen)
    again = agent.complete(seen).json()
    assert (again["status"], codes(again)) == ("not_ready_for_payment", ["approval_required"])
    assert agent.update(seen, {})["status"] == "not_ready_for_payment"
    assert not Payment.objects.exists()


def test_another_purchase_may_be_asked_about_until_the_merchant_has_said_no_thrice(
    agent: PlayedAgent, operator: Client
) -> None:
    session = agent.ready(PENS)
    for quantity in (6, 7, 8):
        session = agent.update(session, {"line_items": [{"id": "item_pens", "quantity": quantity}]})
        assert agent.complete(session).json()["status"] == "pending_approval"
        act(operator, Approval.objects.get(state="pending"), "deny")

    session = agent.update(session, {"line_items": [{"id": "item_pens", "quantity": 9}]})
    answered = agent.complete(session).json()

    assert (answered["status"], codes(answered)) == ("not_ready_for_payment", ["approval_required"])
    assert Approval.objects.count() == 3
    fewer = agent.update(session, {"line_items": [{"id": "item_pens"}]})
    assert agent.complete(fewer).json()["status"] == "completed"


@pytest.mark.parametrize("decided", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        {"line_items": [{"id": "item_pens", "quantity": 6}]},
        {"fulfillment_details": {"address": {**ADDRESS, "line_one": "2 Market Street"}}},
        {"buyer": {"email": "eve@example.com"}},
    ],
)
def test_a_yes_is_for_this_purchase_alone(
    agent: PlayedAgent, operator: Client, change: dict[str, Any], decided: bool
) -> None:
    """Decision 21: before and after the decision, what changed must be looked at anew."""
    told = waiting(agent)
    first = Approval.objects.get()
    if decided:
        act(operator, first, "approve")

    changed = agent.update(told, change)

    assert changed["status"] == "ready_for_payment"
    first.refresh_from_db()
    assert first.state == "canceled"
    act(operator, first, "approve")
    first.refresh_from_db()
    assert first.state == "canceled"
    assert agent.complete(changed).json()["status"] == "pending_approval"
    assert Approval.objects.filter(state="pending").count() == 1
    assert not Payment.objects.exists()


def test_an_update_that_changes_nothing_leaves_it_waiting(agent: PlayedAgent, operator: Client) -> None:
    told = waiting(agent)
    assert agent.update(told, {})["status"] == "pending_approval"

    act(operator, Approval.objects.get(), "approve")

    assert agent.update(told, {})["status"] == "ready_for_payment"


def test_a_price_that_changed_meanwhile_is_neither_approved_nor_charged(
    agent: PlayedAgent, operator: Client
) -> None:
    told = waiting(agent)
    Product.objects.filter(pk="item_pens").update(unit_price=900)

    changed = agent.complete(told).json()

    assert codes(changed) == ["price_change"]
    assert Approval.objects.get().state == "canceled"
    assert agent.complete(changed).json()["status"] == "pending_approval"
    assert Approval.objects.get(state="pending").amount == agent.retrieve(changed)["totals"][-1]["amount"]
    assert not Payment.objects.exists()


def test_no_answer_in_time_is_told_and_asked_again(agent: PlayedAgent, operator: Client) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        told = waiting(agent)
        first = Approval.objects.get()
        clock.shift(timedelta(hours=4))

        late = agent.retrieve(told)
        act(operator, first, "approve")

        assert (late["status"], codes(late)) == ("ready_for_payment", ["expired"])
        first.refresh_from_db()
        assert first.state == "pending"
        services.expire_overdue()
        first.refresh_from_db()
        assert first.state == "expired"
        assert agent.complete(late).json()["status"] == "pending_approval"
        assert not Payment.objects.exists()


@pytest.mark.parametrize("end", ["cancel", "expire"])
def test_what_ended_cannot_be_approved(agent: PlayedAgent, operator: Client, end: str) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        told = waiting(agent)
        if end == "cancel":
            agent.cancel(told)
        else:
            clock.shift(timedelta(hours=7))
            agent.retrieve(told)
        row = Approval.objects.get()

        answer = act(operator, row, "approve")

    row.refresh_from_db()
    assert row.state == "canceled"
    assert "does not wait any more" in answer.text
    assert not Payment.objects.exists()


def test_a_person_comes_before_the_merchant(agent: PlayedAgent, operator: Client) -> None:
    """What the buyer has to do is done before anybody else is bothered."""
    Policy.objects.create(name="Code", kinds=["otp"], enforcement="always", item_tag="pens")
    policy.forget()
    session = agent.create(
        PENS,
        capabilities={"interventions": {"supported": ["otp"]}},
        buyer={"email": "ada@example.com"},
        fulfillment_details={"address": ADDRESS},
    )

    assert session["status"] == "authentication_required"
    assert agent.complete(session).status_code == 400
    assert not Approval.objects.exists()


def test_an_approval_makes_no_other_policy_stricter(agent: PlayedAgent) -> None:
    Policy.objects.create(name="Code", kinds=["otp"], enforcement="optional", item_tag="pens")
    policy.forget()
    assert agent.ready(PENS)["capabilities"]["interventions"]["enforcement"] == "optional"


@pytest.mark.parametrize("enforcement", ["conditional", "optional"])
def test_only_where_it_is_always_wanted(agent: PlayedAgent, enforcement: str) -> None:
    Policy.objects.filter(approval=True).update(enforcement=enforcement)
    policy.forget()

    assert agent.complete(agent.ready(PENS)).json()["status"] == "completed"


# The operator ----------------------------------------------------------------------------


def test_the_decision_is_asked_for_and_kept_with_its_reason(agent: PlayedAgent, operator: Client) -> None:
    """T95: two steps, a reason, an audit line, and who did it in the log."""
    waiting(agent)
    row = Approval.objects.get()

    asked = act(operator, row, "approve", reason=None)
    empty = act(operator, row, "approve", reason=" ")
    row.refresh_from_db()
    assert "Nothing is charged yet" in asked.text
    assert "This field is required." in empty.text
    assert row.state == "pending"

    act(operator, row, "approve", reason="a known school")

    row.refresh_from_db()
    assert (row.state, row.ended_by) == ("passed", "operator:olga")
    assert row.moves.last().note == "a known school"  # type: ignore[union-attr]
    assert LogEntry.objects.get().change_message == "Approved: a known school"
    assert "a known school" in operator.get(page(row)).text


def test_a_decision_is_made_once(agent: PlayedAgent, operator: Client) -> None:
    waiting(agent)
    row = Approval.objects.get()
    act(operator, row, "deny")

    answer = act(operator, row, "approve")

    row.refresh_from_db()
    assert row.state == "denied"
    assert "does not wait any more" in answer.text
    assert "Not approved (no_pending_intervention)" in LogEntry.objects.latest("pk").change_message
    assert 'value="approve"' not in operator.get(page(row)).text


def test_looking_is_not_deciding(agent: PlayedAgent) -> None:
    waiting(agent)
    row = Approval.objects.get()
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_approval"))
    client = Client()
    client.force_login(clerk)

    act(client, row, "approve")

    assert client.get(page(row)).status_code == 200
    row.refresh_from_db()
    assert row.state == "pending"


def test_the_list_starts_with_what_has_waited_longest(agent: PlayedAgent, operator: Client) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        rows = []
        for _ in range(3):
            waiting(agent)
            rows.append(Approval.objects.latest("created_at"))
            clock.shift(timedelta(minutes=20))
        act(operator, rows[1], "deny")

        shown = operator.get(listing(Approval)).text

    assert shown.index(rows[0].pk) < shown.index(rows[2].pk)
    assert rows[1].pk not in shown
    assert "1\xa0hour" in shown
    assert rows[1].pk in operator.get(listing(Approval), {"decided": "denied"}).text
    assert rows[1].pk in operator.get(listing(Approval), {"q": rows[1].subject}).text


def test_the_page_shows_what_is_bought_and_only_while_it_is_that(
    agent: PlayedAgent, operator: Client
) -> None:
    told = waiting(agent, buyer={"email": "ada@example.com", "full_name": "<b>Ada</b>"})
    row = Approval.objects.get()

    shown = operator.get(page(row)).text
    agent.update(told, {"line_items": [{"id": "item_lamp"}]})
    later = operator.get(page(row)).text

    assert "Set of Pens" in shown
    assert "<b>Ada</b>" not in shown
    assert "Lamp" not in later


def test_other_interventions_are_not_decided_here(agent: PlayedAgent, operator: Client) -> None:
    agent.create(
        "item_sneakers",
        capabilities={"interventions": {"supported": ["otp"]}},
        buyer={"email": "ada@example.com"},
        fulfillment_details={"address": ADDRESS},
    )
    code = Intervention.objects.get()

    answer = act(operator, Approval(pk=code.pk), "approve")

    code.refresh_from_db()
    assert code.state == "pending"
    assert answer.status_code == 200
