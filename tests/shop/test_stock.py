from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from checkout.ports import Held, Short, Wanted
from gateway.shop import stock
from gateway.shop.models import Hold, Product
from gateway.shop.stock import ShopInventory

pytestmark = pytest.mark.django_db


def product(id: str = "item", available: int | None = 10, **columns: Any) -> str:
    return Product.objects.create(id=id, title=id, unit_price=100, available=available, **columns).id


def available(id: str = "item") -> int | None:
    return Product.objects.values_list("available", flat=True).get(pk=id)


def hold(key: str, *ids: str, quantity: int = 1) -> Held | Short:
    until = timezone.now() + timedelta(minutes=15)
    return ShopInventory().hold(key, [Wanted(id, quantity) for id in ids], until=until)


def statements(act: Callable[[], object]) -> list[str]:
    """What `act` sends to the database, savepoints apart (performance.md does not count them)."""
    with CaptureQueriesContext(connection) as caught:
        act()
    return [sql for q in caught.captured_queries if "SAVEPOINT" not in (sql := q["sql"])]


def test_one_product_costs_few_statements() -> None:
    """performance.md: complete within 20."""
    product()

    costs = {
        "hold": len(statements(lambda: hold("pay_1", "item"))),
        "release": len(statements(lambda: ShopInventory().release("pay_1"))),
        "hold again": len(statements(lambda: hold("pay_2", "item"))),
        "commit": len(statements(lambda: ShopInventory().commit("pay_2"))),
    }

    assert costs == {"hold": 2, "release": 2, "hold again": 2, "commit": 1}


def test_products_are_locked_in_the_order_of_their_ids() -> None:
    """Reliability 4.1: one order for everybody, so that two holds cannot wait for each other."""
    for id in ("item_c", "item_a", "item_b"):
        product(id)

    taking = statements(lambda: hold("pay_1", "item_c", "item_a", "item_b"))
    giving = statements(lambda: ShopInventory().release("pay_1"))

    for sent in (taking, giving):
        updates = [sql for sql in sent if sql.startswith('UPDATE "agentic_shop_product"')]
        assert [next(id for id in ("item_a", "item_b", "item_c") if id in sql) for sql in updates] == [
            "item_a",
            "item_b",
            "item_c",
        ]


def test_one_product_asked_for_twice_is_counted_together() -> None:
    product(available=3)

    assert hold("pay_1", "item", "item", quantity=2) == Short(("item",))
    assert hold("pay_2", "item", "item") == Held()
    assert available() == 1


def test_goods_that_are_not_counted_are_never_short() -> None:
    product(available=None)

    assert hold("pay_1", "item", quantity=9_999) == Held()
    ShopInventory().release("pay_1")

    assert available() is None


@pytest.mark.parametrize("others", [(), ("other",)], ids=["alone", "with another product"])
def test_what_was_held_before_counting_began_is_not_added_to_the_count(others: tuple[str, ...]) -> None:
    """T61: nothing was taken for the hold, so nothing is put back."""
    product(available=None)
    for other in others:
        product(other, available=5)
    hold("pay_1", "item", *others, quantity=3)
    stock.adjust("item", 2)

    ShopInventory().release("pay_1")

    assert available() == 2
    assert [available(other) for other in others] == [5 for _ in others]


def test_a_hold_says_whether_pieces_were_taken_for_it() -> None:
    product(available=1)
    product("uncounted", available=None)

    hold("pay_1", "item", "uncounted")

    assert dict(Hold.objects.values_list("product_id", "counted")) == {"item": True, "uncounted": False}


def test_a_product_taken_off_sale_is_short() -> None:
    product(active=False)

    assert hold("pay_1", "item") == Short(("item",))


def test_nothing_less_than_one_piece_is_held() -> None:
    """A negative hold would add to the stock."""
    product()

    with pytest.raises(ValueError, match="one piece"):
        hold("pay_1", "item", quantity=-5)

    assert available() == 10


def test_a_released_key_may_hold_again() -> None:
    product(available=5)
    hold("pay_1", "item", quantity=3)
    ShopInventory().release("pay_1")

    assert hold("pay_1", "item", quantity=2) == Held()

    assert available() == 3
    ShopInventory().release("pay_1")
    assert available() == 5


def test_the_database_refuses_stock_below_zero() -> None:
    """T61: CHECK(available >= 0), whatever a program does."""
    product(available=1)

    with pytest.raises(IntegrityError), transaction.atomic():
        Product.objects.update(available=-1)


def test_one_sweep_releases_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reliability 4.2: sweepers work in batches; spared keys do not use the batch up."""
    monkeypatch.setattr(stock, "BATCH", 3)
    product(available=20)
    for number in range(10):
        hold(f"pay_{number}", "item")
    late = timezone.now() + timedelta(hours=1)
    spare = [f"pay_{number}" for number in range(4)]

    released = [ShopInventory().release_overdue(late, spare=spare) for _ in range(3)]

    assert released == [3, 3, 0]
    assert available() == 16
    assert set(Hold.objects.filter(state="held").values_list("key", flat=True)) == set(spare)


def test_a_delivery_to_the_shop_adds_to_what_is_left() -> None:
    product(available=2)

    assert stock.adjust("item", 5)

    assert available() == 7


def test_stock_is_not_taken_below_nothing() -> None:
    product(available=2)

    assert not stock.adjust("item", -3)

    assert available() == 2


def test_counting_may_begin_and_end() -> None:
    product(available=None)

    assert stock.adjust("item", 4)
    assert available() == 4
    stock.stop_counting("item")
    assert available() is None
