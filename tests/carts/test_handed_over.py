"""A cart and the person it was handed to: what either does, the other sees."""

from __future__ import annotations

from typing import Any

import pytest

from checkout import carts, handoffs
from checkout.errors import CartBeingPaid, CartEmpty, CheckoutError, NotInCart
from checkout.models import Cart, CheckoutSession, Order
from checkout.states import SessionState
from gateway.interaction_api import cart_wire
from interventions import visits
from interventions.errors import InterventionError
from tests.crowd import at_once
from tests.frozen import BROWSER, DELIVERED, VISIT, pay

pytestmark = pytest.mark.usefixtures("shop")


def unsealed(result: Any) -> None:
    """Nobody is answered."""


def add(item: str = "item_mug", quantity: int = 1) -> carts.PricedCart:
    return carts.add(VISIT, item, quantity, unsealed)


def handed() -> handoffs.Frozen:
    return handoffs.freeze(VISIT, unsealed)


def status() -> str:
    found = carts.view(VISIT).handed
    assert found is not None
    return found.status


def bought() -> handoffs.Frozen:
    frozen = handed()
    visits.enter(frozen.intervention_id, BROWSER)
    handoffs.change(frozen.intervention_id, BROWSER, DELIVERED)
    pay(frozen)
    return frozen


@pytest.mark.parametrize("change", ["add", "set", "remove"])
def test_a_change_voids_what_was_handed_over(change: str) -> None:
    add("item_mug", 2)
    add("item_tablet")
    frozen = handed()
    assert status() == "waiting"

    match change:
        case "add":
            add()
        case "set":
            carts.set_quantity(VISIT, "item_mug", 1, unsealed)
        case "remove":
            carts.remove(VISIT, "item_tablet", unsealed)

    assert status() == "void"
    assert CheckoutSession.objects.get(pk=frozen.session.pk).state == SessionState.CANCELED
    assert handed().session.pk != frozen.session.pk


def test_what_changes_nothing_leaves_it_with_the_person() -> None:
    add("item_mug", 2)
    frozen = handed()

    carts.set_quantity(VISIT, "item_mug", 2, unsealed)
    carts.view(VISIT)

    assert status() == "waiting"
    assert handed().session.pk == frozen.session.pk


def test_what_was_frozen_costs_what_the_cart_said() -> None:
    add("item_mug", 3)

    session = handed().session

    assert session.quote["totals"]["items"] == carts.view(VISIT).quote["totals"]["items"] == 8_400


def test_after_the_purchase_the_next_cart_begins_empty() -> None:
    add("item_mug", 2)
    frozen = bought()

    seen = carts.view(VISIT)
    told = cart_wire.cart(seen)
    order = Order.objects.get(session=frozen.session.pk)
    assert (told["items"], told["total"]) == ([], 0)
    assert (told["checkout"]["status"], told["checkout"]["order_id"]) == ("completed", order.pk)
    assert told["checkout"]["permalink_url"].endswith(order.pk)
    with pytest.raises(NotInCart):
        carts.set_quantity(VISIT, "item_mug", 1, unsealed)
    with pytest.raises(CartEmpty):
        handed()

    add("item_tablet")

    assert [line["item_id"] for line in carts.view(VISIT).quote["lines"]] == ["item_tablet"]
    assert carts.view(VISIT).handed is None
    assert Cart.objects.get(session=frozen.session.pk).closed_because == carts.BOUGHT


def test_a_cart_that_is_being_paid_for_cannot_be_changed() -> None:
    add("item_mug", 2)
    frozen = handed()
    CheckoutSession.objects.filter(pk=frozen.session.pk).update(state=SessionState.COMPLETING)

    with pytest.raises(CartBeingPaid):
        add()

    assert [line["quantity"] for line in Cart.objects.get().lines] == [2]


@pytest.mark.services
def test_paying_and_changing_at_once_never_mix() -> None:
    """The person pays for what they saw or for nothing; what comes later is in another cart."""
    for _ in range(4):
        add("item_mug", 2)
        frozen = handed()
        visits.enter(frozen.intervention_id, BROWSER)
        handoffs.change(frozen.intervention_id, BROWSER, DELIVERED)

        def one(number: int, frozen: handoffs.Frozen = frozen) -> str:
            try:
                if number == 0:
                    pay(frozen)
                    return "paid"
                carts.add(VISIT, "item_tablet", 1, unsealed)
            except (CheckoutError, InterventionError) as refused:
                return type(refused).__name__
            return "added"

        told = at_once(3, one)

        order = Order.objects.filter(session=frozen.session.pk).first()
        items = [line["item_id"] for line in carts.view(VISIT).quote["lines"]]
        assert (order is not None) == (told[0] == "paid"), told
        assert set(told[1:]) <= {"added", "CartBeingPaid"}, told
        if order is not None:
            assert [line["item_id"] for line in order.quote["lines"]] == ["item_mug"]
            assert items == ["item_tablet"] * ("added" in told), told
        else:
            assert items == ["item_mug", "item_tablet"], told
        Cart.objects.all().delete()
