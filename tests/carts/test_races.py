"""Requests on one cart at the same instant, with negative controls (reliability-security 0.10).

SQLite has one writer at a time and would hide what is tested here.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import IntegrityError

from checkout import carts
from checkout.carts import Content, PricedCart
from checkout.errors import CartNotFound
from checkout.lines import WantedLine
from checkout.models import Cart
from gateway.models import IdempotentRequest
from gateway.session_models import AgentSession
from gateway.shop.models import Product
from interventions.prepared import insert
from tests.crowd import at_once
from tests.visitors import Visitor, visit

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("shop")]

OWNER = "session:ase_1"
CROWD = 12


def linger(priced: PricedCart) -> None:
    """Everybody else has looked meanwhile, if they can."""
    time.sleep(0.05)


def unsealed(priced: PricedCart) -> None:
    """Nobody is answered."""


def add(number: int) -> PricedCart:
    return carts.add(OWNER, "red_mug", 1, linger)


def pieces() -> int:
    return sum(line["quantity"] for line in carts.view(OWNER).quote["lines"])


@pytest.mark.requirement("AJ-078")
def test_no_add_is_lost() -> None:
    carts.add(OWNER, "red_mug", 1, unsealed)

    at_once(CROWD, add)

    assert pieces() == 1 + CROWD
    assert Cart.objects.get().revision == 1 + CROWD


def test_without_the_lock_adds_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    carts.add(OWNER, "red_mug", 1, unsealed)
    monkeypatch.setattr(carts, "_only_locked", carts._only)

    at_once(CROWD, add)

    assert pieces() < 1 + CROWD


def test_first_adds_at_once_begin_one_cart() -> None:
    at_once(CROWD, add)

    assert pieces() == CROWD
    assert Cart.objects.count() == 1


def test_first_adds_really_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: whoever looks first and then inserts runs into the constraint."""
    monkeypatch.setattr(carts, "insert", lambda rows, unless_there=False: insert(rows))

    def one(number: int) -> bool:
        try:
            add(number)
        except IntegrityError:
            return False
        return True

    assert False in at_once(CROWD, one)
    assert Cart.objects.count() == 1


def test_an_item_is_removed_once() -> None:
    carts.add(OWNER, "red_mug", 1, unsealed)

    def one(number: int) -> bool:
        try:
            carts.remove(OWNER, "red_mug", linger)
        except carts.NotInCart:
            return False
        return True

    assert at_once(CROWD, one).count(True) == 1
    assert pieces() == 0


def test_the_last_line_is_given_once() -> None:
    goods = [Product(id=f"mug_{number}", title="Mug", unit_price=100) for number in range(carts.MOST_LINES)]
    Product.objects.bulk_create(goods)
    for product in goods[:-2]:
        carts.add(OWNER, product.pk, 1, unsealed)

    def one(number: int) -> bool:
        try:
            carts.add(OWNER, ("red_mug", "blue_mug", goods[-1].pk, goods[-2].pk)[number], 1, linger)
        except carts.Invalid:
            return False
        return True

    assert at_once(4, one).count(True) == 2
    assert len(carts.view(OWNER).quote["lines"]) == carts.MOST_LINES


def test_a_canceled_cart_is_replaced_by_nobody() -> None:
    cart = carts.create(Content([WantedLine("red_mug")]), owner="key:1", seal=unsealed).cart
    more = Content([WantedLine("red_mug", 2)])

    def one(number: int) -> str:
        try:
            if number == 0:
                time.sleep(0.02)
                carts.cancel(cart.pk, owner="key:1", seal=linger)
                return "canceled"
            carts.replace(cart.pk, more, owner="key:1", seal=linger)
        except CartNotFound:
            return "not found"
        return "replaced"

    at_once(CROWD, one)

    ended = Cart.objects.get()
    assert ended.closed_because == carts.CANCELED
    assert ended.updated_at <= ended.closed_at


def test_a_repeat_beside_the_first_doubles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP: one key, sent by a whole crowd at once."""
    _, token = visit()

    def one(number: int) -> Any:
        return Visitor(token).post("/cart", {"item_id": "red_mug", "quantity": 2}, Idempotency_Key="one")

    answers = at_once(CROWD, one)

    kept = {answer.content for answer in answers if answer.status_code == 201}
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len(kept) == 1
    owner = AgentSession.objects.get().owner
    assert [line["quantity"] for line in carts.view(owner).quote["lines"]] == [2]
    assert IdempotentRequest.objects.count() == 1


def test_requests_of_many_visits_do_not_meet() -> None:
    def one(number: int) -> Any:
        token = tokens[number]
        return Visitor(token).post("/cart", {"item_id": "red_mug", "quantity": 1 + number})

    tokens = [visit()[1] for _ in range(CROWD)]
    answers = at_once(CROWD, one)

    assert {answer.status_code for answer in answers} == {201}
    assert sorted(cart.lines[0]["quantity"] for cart in Cart.objects.all()) == list(range(1, CROWD + 1))
