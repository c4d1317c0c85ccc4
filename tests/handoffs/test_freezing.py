"""An agent hands its cart over: one link that can be paid, for the cart as it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from checkout import authentication, effects, handoffs
from checkout.errors import CartBeingPaid, CartEmpty, NotAvailable, ProviderUnavailable
from checkout.handoffs import Frozen
from checkout.models import Cart, CheckoutSession, Payment
from checkout.ports import ports
from gateway.shop.models import Product
from interventions import visits
from interventions.errors import Over
from interventions.models import Intervention
from tests.bank import Wire
from tests.frozen import BROWSER, VISIT, cart, entered, handed_over, pay
from tests.handoffs.test_paying import Silent, status
from tests.parts import plugged


def freeze(owner: str = VISIT) -> Frozen:
    return handoffs.freeze(owner, lambda frozen: None)


def changed(quantity: int = 7) -> Cart:
    """The cart has another quantity, as its verbs would write it."""
    with transaction.atomic():
        found = Cart.objects.select_for_update().get(closed_at=None)
        handoffs.void(found)
        if found.closed_at is None:
            found.lines[0]["quantity"] = quantity
            found.revision += 1
            found.save()
    return found


def payable() -> int:
    """Links that somebody could pay at now."""
    rows = Intervention.objects.filter(kind="handoff", state__in=("pending", "interacting"))
    open_sessions = CheckoutSession.objects.filter(state__in=("open", "completing"))
    return rows.filter(subject__in=open_sessions.values("pk")).count()


@pytest.mark.requirement("AJ-087")
def test_an_empty_cart_is_not_handed_over() -> None:
    with pytest.raises(CartEmpty):
        freeze()
    Cart.objects.create(owner=VISIT, only=True, currency="usd", expires_at=timezone.now() + timedelta(days=1))
    with pytest.raises(CartEmpty):
        freeze()
    assert not CheckoutSession.objects.exists()


def test_only_the_owners_cart_is_frozen() -> None:
    cart(owner="session:ase_other")
    with pytest.raises(CartEmpty):
        freeze()


@pytest.mark.parametrize(
    ("item", "quantity", "named"),
    [("item_none", 1, "Sold Out Vase"), ("item_last", 2, "Last Print"), ("item_gone", 1, "item_gone")],
)
def test_what_cannot_be_bought_is_named(item: str, quantity: int, named: str) -> None:
    cart(("item_mug", 1), (item, quantity))
    with pytest.raises(NotAvailable) as refused:
        freeze()

    assert named in refused.value.message
    assert "Stoneware" not in refused.value.message
    assert not CheckoutSession.objects.exists()
    assert not Intervention.objects.exists()


@pytest.mark.requirement("AJ-089")
def test_an_unchanged_cart_has_the_same_link() -> None:
    first = handed_over()
    again = freeze()
    visits.enter(first.intervention_id, BROWSER)

    assert again.intervention_id == freeze().intervention_id == first.intervention_id
    assert again.expires_at == first.expires_at
    assert CheckoutSession.objects.count() == 1


@pytest.mark.requirement("AJ-089")
def test_a_changed_cart_voids_the_link() -> None:
    first = entered()
    changed()
    assert status() == "void"
    assert payable() == 0
    with pytest.raises(Over):
        pay(first)

    second = freeze()
    assert second.intervention_id != first.intervention_id
    assert payable() == 1
    assert second.session.quote["lines"][0]["quantity"] == 7
    assert not Payment.objects.exists()


@pytest.mark.requirement("AJ-089")
def test_a_change_that_nobody_voided_is_seen_when_it_is_frozen() -> None:
    first = handed_over()
    Cart.objects.update(revision=2)

    assert freeze().intervention_id != first.intervention_id
    assert payable() == 1


@pytest.mark.requirement("AJ-089")
def test_prices_are_those_of_the_moment_it_was_frozen_until_the_person_is_told() -> None:
    """A price that rises afterwards is shown first, and not charged unseen."""
    frozen = entered()
    shown = handoffs.session_of(frozen.intervention_id).total
    Product.objects.filter(pk="item_mug").update(unit_price=5000)

    told = pay(frozen)
    assert told.state == "open"
    assert "price_change" in [entry["code"] for entry in told.quote["problems"]]
    assert told.total > shown
    assert pay(frozen, form="seen").state == "completed"


def test_after_its_time_the_same_cart_has_a_new_link() -> None:
    first = handed_over()
    with time_machine.travel(first.expires_at + timedelta(seconds=1)):
        second = freeze()
        effects.sweep()

        assert second.intervention_id != first.intervention_id
        assert payable() == 1
        assert status() == "waiting"


def test_after_a_no_the_same_cart_can_be_handed_over_again() -> None:
    first = entered()
    handoffs.refuse(first.intervention_id, BROWSER)

    assert freeze().intervention_id != first.intervention_id
    assert payable() == 1


def test_after_a_purchase_there_is_nothing_to_hand_over() -> None:
    pay(entered())
    with pytest.raises(CartEmpty):
        freeze()
    assert status() == "completed"


def test_a_change_after_a_purchase_finds_the_cart_closed() -> None:
    pay(entered())

    bought = changed()
    assert bought.closed_because == "bought"
    assert bought.revision == 1
    assert status() == "completed"


def test_a_cart_that_is_being_paid_does_not_change() -> None:
    """Nobody knows yet whether it is paid: no second link that could be paid as well."""
    first = entered()
    with plugged(payments=Silent(ports().payments)), pytest.raises(ProviderUnavailable):
        pay(first)
    assert status() == "paying"

    with pytest.raises(CartBeingPaid) as refused:
        changed()
    assert "paying" in refused.value.message
    assert freeze().intervention_id == first.intervention_id
    assert payable() == 1
    assert CheckoutSession.objects.get().state == "completing"


def test_a_person_at_their_bank_is_being_asked(wire: Wire) -> None:
    """3-D Secure: the purchase waits for them, and goes on or is free again when its time is over."""
    first = entered()
    told = pay(first, "spt_sandbox_3ds_challenge")
    assert told.state == "completing"
    asked = handoffs.asked(told)
    assert asked is not None
    assert asked.kind == "3ds"
    with pytest.raises(CartBeingPaid):
        changed()

    found = authentication.awaited(told)
    assert found is not None
    assert found["road"] == "redirect"
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        changed()
        assert status() == "void"


def test_a_no_at_the_page_gives_a_waiting_payment_up(wire: Wire) -> None:
    first = entered()
    pay(first, "spt_sandbox_3ds_challenge")

    handoffs.refuse(first.intervention_id, BROWSER)
    assert status() == "refused"
    assert Payment.objects.get().state == "declined"
