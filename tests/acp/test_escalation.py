"""An agent that cannot do what a policy asks hands its session over to a person, where the policy allows
it (decision 16; `requires_escalation`)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from checkout import abilities, effects, handoffs
from checkout.models import CheckoutSession, Order, Payment, StateMove
from gateway import tickets
from gateway.models import IdempotentRequest
from interventions import policy, visits
from interventions.errors import Over
from interventions.models import Intervention, Policy
from tests.agents import ADDRESS, BUYER, PlayedAgent, codes, paying
from tests.bank import Wire
from tests.frozen import BROWSER, FORM, card, confirmed

DETAILS = {"address": ADDRESS, "email": "ada@example.com"}
PAGE = "http://localhost:8000/agentic/checkout/"


@pytest.fixture(autouse=True)
def allowed(shop: None) -> None:
    """The policies that ask for a type let it be handed over."""
    for row in Policy.objects.exclude(kinds=[]):
        row.hand_over = True
        row.save()
    policy.forget()


def escalated(agent: PlayedAgent, *items: str, **members: Any) -> dict[str, Any]:
    given = {"fulfillment_details": DETAILS, "buyer": BUYER, **members}
    session = agent.create(*items or ("item_sneakers",), **given)
    assert session["status"] == "requires_escalation", session
    return session


def handoff_of(session: dict[str, Any]) -> str:
    found = tickets.read(session["continue_url"].removeprefix(PAGE))
    assert found is not None
    return found


def finished(session: dict[str, Any]) -> CheckoutSession:
    """The person pays, after what the policy asks for."""
    handoff = handoff_of(session)
    visits.enter(handoff, BROWSER)
    stands = handoffs.change(handoff, BROWSER, {})
    if asked := handoffs.asked(stands):
        confirmed(session["id"], asked.kind)
        stands = handoffs.session_of(handoff)
    return handoffs.pay(handoff, BROWSER, card(), form=FORM, shown=stands.total)


@pytest.mark.requirement("ACP-048", "ACP-074", "ACP-134")
@pytest.mark.parametrize("told", [{}, {"interventions": {"supported": ["3ds"]}}])
def test_the_person_is_sent_to_our_page(agent: PlayedAgent, told: dict[str, Any]) -> None:
    """Also when the agent never said what it can do."""
    session = escalated(agent, capabilities=told)

    assert session["continue_url"].startswith(PAGE)
    assert "intervention_context" not in session
    assert codes(session) == ["intervention_required"]
    assert "otp" in session["messages"][0]["content"]
    assert "continue_url" in session["messages"][0]["content"]
    assert "otp" not in str(session["capabilities"]["interventions"])
    assert "handoff" not in str(session["capabilities"])
    assert agent.retrieve(session) == session


@pytest.mark.requirement("ACP-134", "ACP-135")
def test_without_such_a_policy_it_stays_as_it_is(agent: PlayedAgent) -> None:
    Policy.objects.update(hand_over=False)
    policy.forget()
    session = agent.create("item_sneakers", fulfillment_details=DETAILS, buyer=BUYER)

    assert session["status"] == "not_ready_for_payment"
    assert "continue_url" not in session
    assert not Intervention.objects.exists()


@pytest.mark.requirement("ACP-134")
def test_nobody_is_sent_to_a_page_that_cannot_do_it_either(
    agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no bank here that could ask: the person would find a page without a way on."""
    monkeypatch.setattr(abilities, "bank_pages", frozenset)
    Policy.objects.all().delete()
    Policy.objects.create(name="bank", kinds=["3ds"], hand_over=True)
    policy.forget()

    session = agent.create("item_mug", fulfillment_details=DETAILS, buyer=BUYER)
    assert session["status"] == "not_ready_for_payment"
    assert "continue_url" not in session
    assert not Intervention.objects.exists()


def test_all_that_ask_have_to_allow_it(agent: PlayedAgent) -> None:
    Policy.objects.create(name="strict", kinds=["redirect"], item_tag="shoes")
    policy.forget()

    session = agent.create("item_sneakers", fulfillment_details=DETAILS, buyer=BUYER)
    assert session["status"] == "not_ready_for_payment"


def test_an_agent_that_can_do_it_is_asked_itself(agent: PlayedAgent) -> None:
    able = {"interventions": {"supported": ["otp"]}}
    session = agent.create("item_sneakers", capabilities=able, fulfillment_details=DETAILS, buyer=BUYER)

    assert session["status"] == "authentication_required"
    assert "/confirm/" in session["continue_url"]


def test_nobody_is_written_to_before_they_have_come(agent: PlayedAgent) -> None:
    session = escalated(agent)
    assert list(Intervention.objects.values_list("kind", flat=True)) == ["handoff"]

    visits.enter(handoff_of(session), BROWSER)
    handoffs.change(handoff_of(session), BROWSER, {})
    assert set(Intervention.objects.values_list("kind", flat=True)) == {"handoff", "otp"}
    assert agent.retrieve(session)["status"] == "requires_escalation"
    assert "intervention_context" not in agent.retrieve(session)


def test_what_is_missing_the_person_fills_in(agent: PlayedAgent) -> None:
    session = agent.create("item_sneakers")
    assert session["status"] == "requires_escalation"
    assert codes(session) == ["intervention_required", "missing"]


@pytest.mark.requirement("AJ-091", "ACP-035")
def test_the_agent_sees_that_it_was_finished(agent: PlayedAgent) -> None:
    session = escalated(agent)
    assert finished(session).state == "completed"

    told = agent.retrieve(session)
    assert told["status"] == "completed"
    assert told["order"]["id"] == Order.objects.get().id
    assert not {"continue_url", "intervention_context"} & set(told)
    assert told["messages"] == []
    moved = StateMove.objects.filter(subject=session["id"]).values_list("to_state", "actor")
    assert list(moved)[1:] == [("completing", "person"), ("completed", "person")]
    assert agent.complete(session).status_code == 405


@pytest.mark.requirement("AJ-085", "ACP-130", "T35")
def test_its_agent_cannot_pay(agent: PlayedAgent) -> None:
    """Not before the person has come, not while they are there, not after they did what is asked."""
    session = escalated(agent)
    for step in ("before", "there", "confirmed"):
        if step == "there":
            visits.enter(handoff_of(session), BROWSER)
            handoffs.change(handoff_of(session), BROWSER, {})
        if step == "confirmed":
            confirmed(session["id"], "otp")
        refused = agent.complete(session)
        assert refused.status_code == 400, step
        assert refused.json()["code"] == "intervention_required"
        assert agent.retrieve(session)["status"] == "requires_escalation"
    assert not Payment.objects.exists()


@pytest.mark.requirement("ACP-130", "T35")
def test_a_handler_that_brings_the_policy_in_hands_over_too(agent: PlayedAgent) -> None:
    Policy.objects.create(name="card", kinds=["otp"], handler="sandbox_card", hand_over=True)
    policy.forget()
    session = agent.ready("item_mug", buyer=BUYER)

    told = agent.complete(session).json()
    assert told["status"] == "requires_escalation"
    assert not Payment.objects.exists()


@pytest.mark.requirement("T40", "AJ-089")
def test_what_the_agent_changes_voids_the_page(agent: PlayedAgent) -> None:
    session = escalated(agent)
    first = handoff_of(session)
    visits.enter(first, BROWSER)

    changed = agent.update(session, {"line_items": [{"id": "item_sneakers", "quantity": 2}]})
    second = handoff_of(changed)
    assert second != first
    with pytest.raises(Over):
        handoffs.pay(first, BROWSER, card(), form=FORM, shown=0)
    heir = visits.heir(visits.look(first))
    assert heir is not None
    assert heir.pk == second


def test_what_the_agent_repeats_changes_nothing(agent: PlayedAgent) -> None:
    session = escalated(agent)
    again = agent.update(session, {"buyer": BUYER, "fulfillment_details": DETAILS})
    assert again["continue_url"] == session["continue_url"]


def test_what_the_person_changes_keeps_their_page(agent: PlayedAgent) -> None:
    session = escalated(agent)
    handoff = handoff_of(session)
    visits.enter(handoff, BROWSER)
    handoffs.change(handoff, BROWSER, {"buyer": {"full_name": "Ada King"}})

    told = agent.retrieve(session)
    assert told["continue_url"] == session["continue_url"]
    assert told["buyer"]["full_name"] == "Ada King"
    assert agent.update(session, {})["continue_url"] == session["continue_url"]


def test_what_asks_nobody_any_more_is_the_agents_again(agent: PlayedAgent) -> None:
    session = escalated(agent)
    free = agent.update(session, {"line_items": [{"id": "item_mug"}]})

    assert free["status"] == "ready_for_payment"
    assert Intervention.objects.get().state == "canceled"
    assert agent.complete(free).json()["status"] == "completed"


def test_a_page_that_is_open_when_the_policy_goes_pays_nothing(agent: PlayedAgent) -> None:
    """The agent can pay again: there are never two who can."""
    session = escalated(agent)
    handoff = handoff_of(session)
    visits.enter(handoff, BROWSER)
    total = handoffs.session_of(handoff).total
    Policy.objects.all().delete()
    policy.forget()

    told = handoffs.pay(handoff, BROWSER, card(), form=FORM, shown=total)
    assert told.state == "open"
    assert not Payment.objects.exists()
    assert agent.retrieve(session)["status"] == "ready_for_payment"


def test_a_no_is_seen_by_the_agent(agent: PlayedAgent) -> None:
    session = escalated(agent)
    visits.enter(handoff_of(session), BROWSER)
    handoffs.refuse(handoff_of(session), BROWSER)

    told = agent.retrieve(session)
    assert told["status"] == "not_ready_for_payment"
    assert codes(told) == ["intervention_required"]
    assert "did not confirm" in told["messages"][0]["content"]
    assert "continue_url" not in told
    assert agent.update(session, {})["status"] == "requires_escalation"


def test_after_three_noes_nobody_is_asked_again(agent: PlayedAgent) -> None:
    session = escalated(agent)
    for _ in range(3):
        visits.enter(handoff_of(session), BROWSER)
        handoffs.refuse(handoff_of(session), BROWSER)
        session = agent.update(session, {})

    assert session["status"] == "not_ready_for_payment"
    assert "continue_url" not in session


def test_after_half_an_hour_the_agent_is_told(agent: PlayedAgent) -> None:
    session = escalated(agent)
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        effects.sweep()
        told = agent.retrieve(session)
        assert told["status"] == "not_ready_for_payment"
        assert codes(told) == ["expired"]
        assert "continue_url" not in told
        assert Intervention.objects.get().state == "expired"
        assert agent.complete(session).status_code == 400

        again = agent.update(session, {})
        assert again["status"] == "requires_escalation"
        assert again["continue_url"] != session["continue_url"]


def test_canceling_ends_the_page(agent: PlayedAgent) -> None:
    session = escalated(agent)
    handoff = handoff_of(session)
    visits.enter(handoff, BROWSER)

    assert agent.cancel(session).json()["status"] == "canceled"
    with pytest.raises(Over):
        handoffs.pay(handoff, BROWSER, card(), form=FORM, shown=0)


def test_while_the_bank_asks_the_person_is_still_needed(agent: PlayedAgent, wire: Wire) -> None:
    """3-D Secure of an agent that could run none: the person is at the bank's page."""
    session = escalated(agent, "item_camera")
    handoff = handoff_of(session)
    visits.enter(handoff, BROWSER)
    total = handoffs.change(handoff, BROWSER, {}).total
    told = handoffs.pay(handoff, BROWSER, card("spt_sandbox_3ds_challenge"), form=FORM, shown=total)
    assert told.state == "completing"

    seen = agent.retrieve(session)
    assert seen["status"] == "requires_escalation"
    assert seen["continue_url"] == session["continue_url"]
    assert not {"intervention_context", "authentication_metadata"} & set(seen)
    refused = agent.complete(session, paying())
    assert refused.status_code in (400, 409)
    assert Payment.objects.get().state == "requires_action"


@pytest.mark.requirement("T40")
def test_no_other_note_reaches_the_shop_while_the_bank_asks(agent: PlayedAgent, wire: Wire) -> None:
    """The merchant acts on it, and the person has read another one."""
    session = escalated(agent, "item_camera", order_notes="Wrap it")
    handoff = handoff_of(session)
    visits.enter(handoff, BROWSER)
    total = handoffs.change(handoff, BROWSER, {}).total
    handoffs.pay(handoff, BROWSER, card("spt_sandbox_3ds_challenge"), form=FORM, shown=total)

    told = agent.update(session, {"order_notes": "Send it to Eve instead"})

    assert told["continue_url"] != session["continue_url"]
    assert Payment.objects.get().state == "declined"
    with pytest.raises(Over):
        handoffs.change(handoff, BROWSER, {})


@pytest.mark.requirement("T71", "AJ-088")
def test_a_kept_answer_holds_no_link(agent: PlayedAgent) -> None:
    """A repeat names it again; whoever reads the table finds none."""
    body = {
        "line_items": [{"id": "item_sneakers"}],
        "currency": "usd",
        "capabilities": {},
        "fulfillment_details": DETAILS,
        "buyer": BUYER,
    }
    first = agent.post("/checkout_sessions", body, key="once").json()
    again = agent.post("/checkout_sessions", body, key="once").json()

    assert first == again
    ticket = first["continue_url"].removeprefix(PAGE)
    assert all(ticket not in kept.body for kept in IdempotentRequest.objects.all())
