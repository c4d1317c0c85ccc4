"""A person finishes what an agent handed over: changes, payment, refusal, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from checkout import completion, effects, handoffs, settlement
from checkout.errors import CompletionRunning, HandedOver, InterventionRequired, Invalid, ProviderUnavailable
from checkout.models import Cart, CheckoutSession, Order, Payment, SandboxCharge, StateMove
from checkout.opening import Tender
from checkout.ports import ports
from checkout.services import unsealed
from gateway import delivery
from gateway.models import OutboxMessage
from interventions import policy, services, visits
from interventions.errors import NotFound, Over, TakenElsewhere
from interventions.models import Intervention, InterventionMove, Policy
from tests.frozen import (
    BROWSER,
    DELIVERED,
    FORM,
    OTHER_BROWSER,
    VISIT,
    card,
    confirmed,
    entered,
    handed_over,
    pay,
)
from tests.parts import plugged


class Silent:
    """Takes the money, and says nothing."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def authorize(self, attempt: Any) -> Any:
        self.real.authorize(attempt)
        raise ProviderUnavailable

    def retrieve(self, attempt: Any) -> Any:
        raise ProviderUnavailable


def status() -> str:
    found = handoffs.outcome(Cart.objects.get())
    assert found is not None
    return found.status


@pytest.mark.requirement("AJ-091")
def test_a_person_buys_what_was_handed_over() -> None:
    frozen = handed_over(("item_mug", 2))
    assert status() == "waiting"
    assert not frozen.session.quote["ready"]

    visits.enter(frozen.intervention_id, BROWSER)
    assert status() == "opened"
    session = handoffs.change(frozen.intervention_id, BROWSER, DELIVERED)
    assert session.quote["ready"]
    done = handoffs.pay(frozen.intervention_id, BROWSER, card(), form=FORM, shown=session.total)

    assert done.state == "completed"
    order = Order.objects.get()
    assert order.amount == SandboxCharge.objects.get().amount == session.total
    assert "handoff" not in order.quote
    row = Intervention.objects.get(pk=frozen.intervention_id)
    assert row.state == "passed"
    found = handoffs.outcome(Cart.objects.get())
    assert found is not None
    assert (found.status, found.order_id) == ("completed", order.id)


@pytest.mark.requirement("AJ-091")
def test_the_log_says_that_a_person_did_it() -> None:
    frozen = entered()
    pay(frozen)

    moved = StateMove.objects.filter(subject=frozen.session.id).values_list("to_state", "actor")
    assert list(moved) == [("open", VISIT), ("completing", "person"), ("completed", "person")]
    rows = InterventionMove.objects.filter(intervention=frozen.intervention_id)
    assert list(rows.values_list("to_state", "actor")) == [
        ("pending", VISIT),
        ("interacting", "person"),
        ("passed", "person"),
    ]


@pytest.mark.requirement("AJ-085", "R36")
@pytest.mark.parametrize("browser", ["", OTHER_BROWSER])
def test_only_the_browser_that_entered_acts(browser: str) -> None:
    frozen = entered()
    total = handoffs.session_of(frozen.intervention_id).total

    with pytest.raises(TakenElsewhere):
        handoffs.pay(frozen.intervention_id, browser, card(), form=FORM, shown=total)
    with pytest.raises(TakenElsewhere):
        handoffs.change(frozen.intervention_id, browser, {"buyer": {"email": "eve@example.com"}})
    with pytest.raises(TakenElsewhere):
        handoffs.refuse(frozen.intervention_id, browser)

    assert not Payment.objects.exists()
    assert status() == "opened"
    assert handoffs.session_of(frozen.intervention_id).buyer == DELIVERED["buyer"]


@pytest.mark.requirement("AJ-085")
def test_nobody_pays_before_somebody_entered() -> None:
    frozen = handed_over()
    with pytest.raises(TakenElsewhere):
        handoffs.pay(frozen.intervention_id, BROWSER, card(), form=FORM, shown=0)
    assert not Payment.objects.exists()


@pytest.mark.requirement("AJ-085")
def test_its_owner_cannot_complete_it() -> None:
    """Whatever door an agent finds: without the browser there is no payment."""
    frozen = entered()
    with pytest.raises(HandedOver):
        completion.complete(frozen.session.id, Tender(card(), claim="x"), owner=VISIT, seal=unsealed)

    assert not Payment.objects.exists()
    pay(frozen)
    assert Order.objects.count() == 1


@pytest.mark.requirement("AJ-085")
def test_the_browser_of_another_question_pays_nothing() -> None:
    """A one-time code's page has a browser too; its secret and its row open no payment."""
    frozen = entered(("item_sneakers", 1))
    asked = handoffs.asked(CheckoutSession.objects.get())
    assert asked is not None
    visits.enter(asked.intervention_id, "code browser")

    with pytest.raises(TakenElsewhere):
        pay(frozen, browser="code browser")
    with pytest.raises(NotFound):
        handoffs.pay(asked.intervention_id, "code browser", card(), form=FORM, shown=0)


@pytest.mark.requirement("AJ-085")
def test_the_same_form_pays_once() -> None:
    frozen = entered()
    pay(frozen)
    with pytest.raises(Over) as over:
        pay(frozen)

    assert over.value.state == "passed"
    assert SandboxCharge.objects.count() == Order.objects.count() == 1


def test_the_same_form_after_a_decline_tries_nothing_new() -> None:
    frozen = entered()
    refused = pay(frozen, "spt_sandbox_declined")
    assert refused.state == "open"
    assert "payment_declined" in [entry["code"] for entry in refused.quote["problems"]]

    again = pay(frozen, "spt_sandbox_declined")
    assert Payment.objects.count() == 1
    assert again.state == "open"

    assert pay(frozen, form="another form").state == "completed"
    assert Payment.objects.count() == 2


def test_a_lost_answer_is_found_by_the_same_form() -> None:
    """The provider took it, and nobody heard: the form is sent again, and goes on where it stopped."""
    frozen = entered()
    with plugged(payments=Silent(ports().payments)), pytest.raises(ProviderUnavailable):
        pay(frozen)
    assert status() == "paying"

    with pytest.raises(CompletionRunning):
        pay(frozen, form="another form")
    assert pay(frozen).state == "completed"
    assert SandboxCharge.objects.count() == Order.objects.count() == 1


def test_nothing_is_charged_for_another_total_than_was_seen() -> None:
    frozen = entered()
    total = handoffs.session_of(frozen.intervention_id).total
    told = handoffs.pay(frozen.intervention_id, BROWSER, card(), form=FORM, shown=total - 1)

    assert told.state == "open"
    assert "price_change" in [entry["code"] for entry in told.quote["problems"]]
    assert not Payment.objects.exists()


def test_what_is_bought_is_not_changed_on_the_page() -> None:
    frozen = entered()
    with pytest.raises(Invalid):
        handoffs.change(frozen.intervention_id, BROWSER, {"lines": []})


def test_a_person_says_no() -> None:
    frozen = entered()
    handoffs.refuse(frozen.intervention_id, BROWSER)

    assert status() == "refused"
    assert CheckoutSession.objects.get().state == "canceled"
    assert StateMove.objects.filter(to_state="canceled").get().actor == "person"
    with pytest.raises(Over):
        pay(frozen)
    assert not Payment.objects.exists()


@pytest.mark.requirement("AJ-088")
def test_after_half_an_hour_it_is_over() -> None:
    frozen = entered()
    assert frozen.expires_at - timezone.now() <= timedelta(seconds=1800)
    assert frozen.expires_at - timezone.now() > timedelta(seconds=1700)

    with time_machine.travel(frozen.expires_at + timedelta(seconds=1)):
        assert status() == "expired"
        with pytest.raises(Over) as over:
            pay(frozen)
        assert over.value.state == "expired"
        with pytest.raises(Over):
            handoffs.change(frozen.intervention_id, BROWSER, {})
        effects.sweep()
        assert status() == "expired"

    assert CheckoutSession.objects.get().state == "expired"
    assert Intervention.objects.get(pk=frozen.intervention_id).state == "expired"
    assert not Payment.objects.exists()


def test_a_sweep_leaves_alone_what_is_being_paid() -> None:
    """Nobody reads that nothing was charged while that is not known."""
    frozen = entered()
    with plugged(payments=Silent(ports().payments)):
        with pytest.raises(ProviderUnavailable):
            pay(frozen)
        for minutes in (15, 29, 31, 60):
            with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
                effects.sweep()
                services.expire_overdue()
                assert Intervention.objects.get(pk=frozen.intervention_id).state == "interacting"
                assert status() == "paying"

    settlement.settle(Payment.objects.get().id)
    assert status() == "completed"
    assert Intervention.objects.get(pk=frozen.intervention_id).state == "passed"


def test_what_is_paid_too_late_goes_back() -> None:
    frozen = entered()
    with plugged(payments=Silent(ports().payments)), pytest.raises(ProviderUnavailable):
        pay(frozen)
    with time_machine.travel(timezone.now() + timedelta(hours=3)):
        settlement.settle(Payment.objects.get().id)

    assert status() == "expired"
    assert Intervention.objects.get(pk=frozen.intervention_id).state == "expired"
    assert not Order.objects.exists()


@pytest.mark.requirement("T10", "AJ-091")
def test_a_policy_asks_the_person_and_then_it_is_paid() -> None:
    """Nothing is sent to anybody before the person has come."""
    frozen = handed_over(("item_sneakers", 1))
    assert not Intervention.objects.exclude(kind="handoff").exists()
    visits.enter(frozen.intervention_id, BROWSER)
    session = handoffs.change(frozen.intervention_id, BROWSER, DELIVERED)

    asked = handoffs.asked(session)
    assert asked is not None
    assert asked.kind == "otp"
    with pytest.raises(InterventionRequired):
        pay(frozen)
    confirmed(session.id, "otp")
    assert Intervention.objects.get(pk=frozen.intervention_id).state == "interacting"
    assert pay(frozen).state == "completed"


def test_another_contact_is_asked_anew_and_the_handoff_stays() -> None:
    frozen = entered(("item_sneakers", 1))
    first = handoffs.asked(handoffs.session_of(frozen.intervention_id))
    session = handoffs.change(
        frozen.intervention_id,
        BROWSER,
        {"buyer": {"email": "bea@example.com"}, "fulfillment_details": {"email": "bea@example.com"}},
    )

    second = handoffs.asked(session)
    assert first is not None
    assert second is not None
    assert first.intervention_id != second.intervention_id
    assert Intervention.objects.get(pk=first.intervention_id).state == "canceled"
    assert Intervention.objects.get(pk=frozen.intervention_id).state == "interacting"


def test_every_policy_decides_as_if_all_were_possible() -> None:
    Policy.objects.create(name="all", kinds=["otp", "redirect"], item_tag="mug")
    policy.forget()
    frozen = entered()

    session = handoffs.session_of(frozen.intervention_id)
    assert set(session.quote["agreement"]["required"]) <= set(session.quote["agreement"]["supported"])
    assert handoffs.asked(session) is not None


def test_effects_of_the_purchase_go_where_they_should() -> None:
    """A visit has no webhook endpoints; the money is taken, and nothing is left to do."""
    pay(entered())
    delivery.deliver_due()

    assert not OutboxMessage.objects.exclude(done_at__isnull=False).exists()
    assert Payment.objects.get().state == "captured"


@pytest.mark.requirement("AJ-088")
def test_the_merchant_says_how_long_it_lasts() -> None:
    with plugged(rules=replace(ports().rules, handoff_seconds=60)):
        frozen = handed_over()

    assert frozen.expires_at - timezone.now() <= timedelta(seconds=60)
    row = Intervention.objects.get(pk=frozen.intervention_id)
    assert abs(row.expires_at - frozen.expires_at) < timedelta(seconds=2)
