"""The operator's screen of carts."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from checkout import carts
from checkout.carts import Content
from checkout.lines import WantedLine
from checkout.models import Cart, CheckoutSession
from gateway import agents
from tests.acp.test_carts import begin
from tests.agents import PlayedAgent
from tests.checkout.test_admin import HOSTILE, SHOWN
from tests.operators import listing, log_in, page

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture
def operator(shop: None) -> Client:
    return log_in()


def unsealed(priced: Any) -> None:
    """Nobody is answered."""


def visited() -> Cart:
    """The cart of a visit."""
    return carts.add("session:ase_1", "blue_mug", 2, unsealed).cart


def test_a_cart_is_shown_with_what_is_in_it(operator: Client) -> None:
    agents.load_demo()
    begin(
        PlayedAgent(), {"line_items": [{"id": "blue_mug", "quantity": 3}], "buyer": {"email": "a@b.example"}}
    )
    cart = Cart.objects.get()

    listed, opened = operator.get(listing(Cart)).text, operator.get(page(cart)).text

    assert page(cart) in listed
    assert "Demo agent" in listed
    for told in ("3 x blue_mug Blue Mug 28.00 USD", "a@b.example", "As the agent sent it", cart.pk):
        assert told in opened


def test_nothing_can_be_edited(operator: Client) -> None:
    cart = visited()
    before = Cart.objects.values().get()

    answers = [
        operator.post(listing(Cart) + "add/", {}),
        operator.post(page(cart).replace("/change/", "/delete/"), {"post": "yes"}),
        operator.post(page(cart), {"currency": "eur"}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert Cart.objects.values().get() == before


def test_lists_say_what_would_be_here(operator: Client) -> None:
    assert "A cart appears when an agent puts its first item in." in operator.get(listing(Cart)).text


@pytest.mark.parametrize("state", ["open", carts.CANCELED, carts.BOUGHT, carts.EXPIRED])
def test_carts_are_found_by_how_they_ended(operator: Client, state: str) -> None:
    shown = {}
    for ended in ("open", carts.CANCELED, carts.BOUGHT, carts.EXPIRED):
        cart = carts.create(Content([WantedLine("red_mug")]), owner="key:1", seal=unsealed).cart
        shown[ended] = page(cart)
        if ended != "open":
            carts.close(cart, ended)

    text = operator.get(listing(Cart), {"ended": state}).text

    assert {ended for ended, address in shown.items() if address in text} == {state}


@pytest.mark.parametrize("by", ["id", "session", "owner"])
def test_carts_are_found_by_id_session_and_owner(operator: Client, by: str) -> None:
    cart = visited()
    other = carts.add("session:ase_2", "red_mug", 1, unsealed).cart
    session = CheckoutSession.objects.create(owner=cart.owner, currency="usd", expires_at=cart.expires_at)
    Cart.objects.filter(pk=cart.pk).update(session=session.pk, frozen_revision=1)
    term = {"id": cart.pk, "session": session.pk, "owner": cart.owner}[by]

    text = operator.get(listing(Cart), {"q": term}).text

    assert page(cart) in text
    assert page(other) not in text
    assert page(session) in text


def test_what_an_agent_writes_is_text_in_a_frame(operator: Client) -> None:
    content = Content([WantedLine("red_mug")], buyer={"full_name": HOSTILE}, extras={"locale": HOSTILE})
    cart = carts.create(content, owner="key:1", seal=unsealed).cart

    text = operator.get(page(cart)).text

    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert text.count(SHOWN) == 2
