"""Fifty buyers and ten pieces: the races that SQLite, which writes one at a time, cannot show."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models import Sum
from django.utils import timezone

from checkout.ports import Held, Short, Wanted
from gateway.shop.models import Hold, Product
from gateway.shop.stock import ShopInventory

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

BUYERS, PIECES = 50, 10
AT_ONCE = 25
"""Threads, each with a connection: well below what a database takes from one client."""


class ReadsThenWrites(ShopInventory):
    """The mistake: looks at the stock, then writes what it makes of it. The first AT_ONCE have all
    looked before one of them writes, so that luck has no say."""

    def __init__(self) -> None:
        self._looked = threading.Barrier(AT_ONCE)
        self._first = iter(range(AT_ONCE))

    def hold(self, key: str, wanted: Sequence[Wanted], *, until: datetime) -> Held | Short:
        for piece in wanted:
            product = Product.objects.get(pk=piece.product_id)
            if product.available is None or product.available < piece.quantity:
                return Short((product.pk,))
            if next(self._first, None) is not None:
                self._looked.wait(60)
            product.available -= piece.quantity
            product.save(update_fields=["available"])
            Hold.objects.create(key=key, product=product, quantity=piece.quantity, until=until)
        return Held()


def at_once(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """The answers of all jobs, started together, each in a transaction of its own."""
    gate = threading.Barrier(AT_ONCE)

    def run(job: Callable[[], Any]) -> Any:
        try:
            gate.wait(timeout=60)
            with transaction.atomic():
                return job()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, jobs))


def product(id: str, available: int) -> str:
    return Product.objects.create(id=id, title=id, unit_price=100, available=available).pk


def left(id: str) -> int | None:
    return Product.objects.values_list("available", flat=True).get(pk=id)


def held(id: str) -> int:
    return Hold.objects.filter(product=id, state="held").aggregate(sum=Sum("quantity"))["sum"] or 0


def buyers(part: ShopInventory) -> list[Held | Short]:
    until = timezone.now() + timedelta(minutes=15)
    return at_once(
        [
            lambda key=f"pay_{number}": part.hold(key, [Wanted("item", 1)], until=until)
            for number in range(BUYERS)
        ]
    )


def test_fifty_buyers_get_ten_pieces() -> None:
    """T61, T43: nobody is sold what another has."""
    product("item", PIECES)

    answers = buyers(ShopInventory())

    assert answers.count(Held()) == PIECES
    assert answers.count(Short(("item",))) == BUYERS - PIECES
    assert (left("item"), held("item")) == (0, PIECES)


def test_reading_first_and_writing_then_sells_too_much() -> None:
    """The control: this test can see an oversell when there is one."""
    product("item", PIECES)

    answers = buyers(ReadsThenWrites())

    assert answers.count(Held()) > PIECES


def test_one_key_from_many_sides_holds_once() -> None:
    product("item", PIECES)
    until = timezone.now() + timedelta(minutes=15)

    answers = at_once(
        [lambda: ShopInventory().hold("pay_1", [Wanted("item", 3)], until=until) for _ in range(BUYERS)]
    )

    assert set(answers) == {Held()}
    assert (left("item"), held("item")) == (PIECES - 3, 3)


def test_releasing_and_selling_at_once_does_one_of_them_once() -> None:
    product("item", PIECES)
    until = timezone.now() + timedelta(minutes=15)
    for number in range(5):
        ShopInventory().hold(f"pay_{number}", [Wanted("item", 2)], until=until)
    part = ShopInventory()
    verbs: list[Callable[[str], None]] = [part.release, part.commit, part.release, part.commit, part.release]

    at_once([lambda verb=verb, key=f"pay_{n}": verb(key) for n in range(5) for verb in (*verbs, *verbs)])

    states = Counter(Hold.objects.values_list("state", flat=True))
    assert states["held"] == 0
    assert left("item") == 2 * states["released"]


def test_baskets_in_opposite_order_do_not_wait_for_each_other() -> None:
    """A deadlock would end in an error of the database."""
    ids = [product(f"item_{letter}", 1_000) for letter in "abcd"]
    until = timezone.now() + timedelta(minutes=15)
    part = ShopInventory()

    def buy_and_return(number: int) -> Held | Short:
        wanted = [Wanted(id, 1) for id in (ids if number % 2 else reversed(ids))]
        answer = part.hold(f"pay_{number}", wanted, until=until)
        if number % 3 == 0:
            part.release(f"pay_{number}")
        return answer

    answers = at_once([lambda number=number: buy_and_return(number) for number in range(BUYERS)])

    assert set(answers) == {Held()}
    kept = sum(1 for number in range(BUYERS) if number % 3)
    assert [left(id) for id in ids] == [1_000 - kept] * 4


def test_two_sweeps_at_once_release_once() -> None:
    product("item", PIECES)
    soon = timezone.now() + timedelta(seconds=1)
    for number in range(PIECES):
        ShopInventory().hold(f"pay_{number}", [Wanted("item", 1)], until=soon)
    late = soon + timedelta(minutes=1)

    released = at_once([lambda: ShopInventory().release_overdue(late) for _ in range(AT_ONCE)])

    assert sum(released) == PIECES
    assert left("item") == PIECES
