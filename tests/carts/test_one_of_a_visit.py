"""The one cart of a visit: what is in it, what it costs, and when it is another one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from checkout import carts, handoffs
from checkout.carts import PricedCart
from checkout.errors import Invalid, NotInCart, UnknownItem
from checkout.handoffs import Outcome
from checkout.models import Cart
from gateway.shop.models import Product
from tests.acp.test_carts import TwoCurrencies
from tests.parts import plugged

pytestmark = pytest.mark.usefixtures("shop")

OWNER = "session:ase_1"


def unsealed(priced: PricedCart) -> None:
    """Nobody is answered."""


def add(item: str = "blue_mug", quantity: int = 1, owner: str = OWNER) -> PricedCart:
    return carts.add(owner, item, quantity, unsealed)


def held(owner: str = OWNER) -> list[tuple[str, int]]:
    return [(line["item_id"], line["quantity"]) for line in carts.view(owner).quote["lines"]]


def codes(priced: PricedCart) -> list[str]:
    return [entry["code"] for entry in priced.quote["problems"]]


def test_items_stand_in_the_order_of_adding_and_more_of_one_is_one_line() -> None:
    add("red_mug", 2)
    add("blue_mug", 1)
    priced = add("red_mug", 3)

    assert held() == [("red_mug", 5), ("blue_mug", 1)]
    assert priced.quote["totals"]["total"] == 5 * 1_200 + 2_800
    assert priced.cart.revision == 3


def test_a_cart_is_priced_anew_each_time() -> None:
    add("blue_mug", 2)
    Product.objects.filter(pk="blue_mug").update(unit_price=3_000)

    assert carts.view(OWNER).quote["totals"]["total"] == 6_000


def test_visits_are_independent() -> None:
    add("red_mug")

    assert held("session:ase_2") == []


def test_an_empty_cart_is_not_stored_and_has_the_merchants_currency() -> None:
    priced = carts.view(OWNER)

    assert (priced.quote["lines"], priced.quote["totals"]["total"], priced.cart.currency) == ([], 0, "usd")
    assert not Cart.objects.exists()


def test_an_unknown_item_leaves_the_cart_as_it_was() -> None:
    add("red_mug")

    with pytest.raises(UnknownItem):
        add("no_mug")

    assert held() == [("red_mug", 1)]


def test_an_unknown_first_item_begins_no_cart() -> None:
    with pytest.raises(UnknownItem) as refused:
        add("no_mug")

    assert refused.value.param == "item_id"
    assert not Cart.objects.exists()


@pytest.mark.parametrize(
    ("work", "param"),
    [
        (lambda: add("red_mug", 10_001), "quantity"),
        (lambda: (add("red_mug", 10_000), add("red_mug", 1)), "quantity"),
        (lambda: add("red_mug", 0), "quantity"),
        (lambda: add("red_mug", -1), "quantity"),
        (lambda: (add("red_mug"), carts.set_quantity(OWNER, "red_mug", 10_001, unsealed)), "quantity"),
        (lambda: (add("red_mug"), carts.set_quantity(OWNER, "red_mug", -1, unsealed)), "quantity"),
    ],
    ids=["one time", "together", "none", "less than none", "set", "set below none"],
)
def test_a_quantity_has_bounds(work: Callable[[], Any], param: str) -> None:
    with pytest.raises(Invalid) as refused:
        work()

    assert refused.value.param == param


def test_a_cart_holds_a_hundred_different_items() -> None:
    Product.objects.bulk_create(
        [Product(id=f"mug_{number}", title="Mug", unit_price=100) for number in range(101)]
    )
    for number in range(100):
        add(f"mug_{number}")

    with pytest.raises(Invalid) as refused:
        add("mug_100")
    assert refused.value.param == "item_id"
    add("mug_99")
    assert len(held()) == 100


def test_a_quantity_is_set_and_with_none_left_the_item_goes() -> None:
    add("red_mug", 2)
    add("blue_mug")

    carts.set_quantity(OWNER, "red_mug", 7, unsealed)
    assert held() == [("red_mug", 7), ("blue_mug", 1)]

    carts.set_quantity(OWNER, "red_mug", 0, unsealed)
    assert held() == [("blue_mug", 1)]


def test_what_is_not_in_the_cart_cannot_be_changed() -> None:
    for _ in ("no cart", "another item"):
        with pytest.raises(NotInCart):
            carts.set_quantity(OWNER, "red_mug", 1, unsealed)
        with pytest.raises(NotInCart):
            carts.set_quantity(OWNER, "red_mug", 0, unsealed)
        with pytest.raises(NotInCart):
            carts.remove(OWNER, "red_mug", unsealed)
        add("blue_mug")


def test_the_same_quantity_again_is_no_change() -> None:
    add("red_mug", 2)

    priced = carts.set_quantity(OWNER, "red_mug", 2, unsealed)

    assert priced.cart.revision == 1


def test_what_is_sold_no_more_stays_and_says_so() -> None:
    """ACP-215: never dropped silently."""
    add("red_mug")
    add("blue_mug")
    Product.objects.filter(pk="red_mug").delete()

    priced = carts.view(OWNER)

    assert held() == [("red_mug", 1), ("blue_mug", 1)]
    assert codes(priced) == ["out_of_stock"]
    assert codes(add("blue_mug")) == ["out_of_stock"]


def test_too_few_are_said_to_be_too_few_and_nothing_is_reserved() -> None:
    assert codes(add("last_mug", 2)) == ["low_stock"]
    assert codes(add("sold_out")) == ["low_stock", "out_of_stock"]
    assert Product.objects.get(pk="last_mug").available == 1


def test_changes_keep_a_cart_alive_and_an_old_one_is_gone() -> None:
    add("red_mug")
    late = timezone.now() - timedelta(seconds=1)
    Cart.objects.update(expires_at=late)

    assert held() == []
    add("blue_mug")

    assert held() == [("blue_mug", 1)]
    assert Cart.objects.get(closed_because=carts.EXPIRED).lines[0]["item_id"] == "red_mug"
    first = Cart.objects.get(closed_at=None).expires_at
    add("blue_mug")
    assert Cart.objects.get(closed_at=None).expires_at > first


def test_the_next_cart_begins_empty_after_one_was_closed() -> None:
    carts.close(add("red_mug").cart, carts.BOUGHT)

    assert held() == []
    add("blue_mug")
    assert held() == [("blue_mug", 1)]


def test_nothing_is_changed_when_the_answer_cannot_be_kept() -> None:
    def beaten(priced: PricedCart) -> None:
        raise RuntimeError

    add("red_mug")
    for work in (
        lambda: carts.add(OWNER, "red_mug", 1, beaten),
        lambda: carts.set_quantity(OWNER, "red_mug", 5, beaten),
        lambda: carts.remove(OWNER, "red_mug", beaten),
    ):
        with pytest.raises(RuntimeError):
            work()

    assert held() == [("red_mug", 1)]


def test_what_is_in_a_cart_decides_its_currency_and_an_empty_one_takes_another() -> None:
    catalog = TwoCurrencies({"euro": ("eur",), "dollar": ("usd",), "both": ("usd", "eur")})

    with plugged(catalog=catalog):
        assert add("euro").cart.currency == "eur"
        assert add("both").quote["totals"]["total"] == 200
        with pytest.raises(UnknownItem):
            add("dollar")
        for item in ("euro", "both"):
            carts.remove(OWNER, item, unsealed)
        assert add("dollar").cart.currency == "usd"


class Handed:
    """A handoff that stands as a test says."""

    def __init__(self, status: str) -> None:
        self.status = status
        self.voided: list[str] = []

    def outcome(self, cart: Cart) -> Outcome:
        return Outcome(self.status, timezone.now(), "int_1")

    def void(self, cart: Cart) -> None:
        self.voided.append(cart.pk)
        if self.status == "completing":
            carts.close(cart, carts.BOUGHT)


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Handed]:
    def over(status: str) -> Handed:
        stands = Handed(status)
        monkeypatch.setattr(handoffs, "outcome", stands.outcome)
        monkeypatch.setattr(handoffs, "void", stands.void)
        cart = add("red_mug").cart
        Cart.objects.filter(pk=cart.pk).update(session="cs_1", frozen_revision=1)
        return stands

    return over


def test_a_change_voids_the_handoff_and_no_change_does_not(handed: Callable[[str], Handed]) -> None:
    stands = handed("waiting")

    carts.set_quantity(OWNER, "red_mug", 1, unsealed)
    carts.view(OWNER)
    assert stands.voided == []

    carts.set_quantity(OWNER, "red_mug", 2, unsealed)
    assert len(stands.voided) == 1


def test_a_cart_that_was_bought_is_empty_and_tells_of_it(handed: Callable[[str], Handed]) -> None:
    handed("completed")

    seen = carts.view(OWNER)
    assert seen.quote["lines"] == []
    assert seen.handed is not None
    assert seen.handed.status == "completed"

    with pytest.raises(NotInCart):
        carts.remove(OWNER, "red_mug", unsealed)
    add("blue_mug")
    assert held() == [("blue_mug", 1)]
    assert Cart.objects.get(closed_because=carts.BOUGHT).lines[0]["item_id"] == "red_mug"


def test_a_cart_that_is_bought_while_it_changes_is_another_one(handed: Callable[[str], Handed]) -> None:
    handed("completing")

    add("blue_mug")

    assert held() == [("blue_mug", 1)]
