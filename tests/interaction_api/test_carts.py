"""The cart of a visit over HTTP: the addresses of both clients, and no price of an agent's."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from checkout import handoffs
from checkout.handoffs import Outcome
from checkout.models import Cart
from gateway.models import IdempotentRequest
from gateway.session_models import AgentSession
from gateway.shop.models import Product
from tests.visitors import Visitor, failed, told, visit

ADD = {"item_id": "item_mug", "quantity": 2}


@pytest.fixture
def agent(visitor: Visitor) -> Visitor:
    """An agent with a session."""
    return Visitor(visit()[1])


def items(agent: Visitor) -> list[tuple[str, int]]:
    return [(line["item_id"], line["quantity"]) for line in told(agent.get("/cart"))["items"]]


@pytest.mark.requirement("AJ-032", "AJ-041", "AJ-044", "AJ-046")
def test_five_add_to_cart(shop: None) -> None:
    """The seed's step 5, as it is written, by a client of its own."""
    answer = Client().post(
        "/.well-known/agents/api/cart",
        '{ "item_id": "prod_9f8e7d", "quantity": 2 }',
        content_type="application/json",
        headers={"X-Agent-Session": visit()[1]},
    )

    assert answer.status_code == 201
    body = json.loads(answer.content)
    assert set(body) == {"ok", "data"}
    assert body["ok"] is True
    assert body["data"]["cart"]["total"] == 56.00
    assert isinstance(body["data"]["cart"]["total"], float)
    assert [line["item_id"] for line in body["data"]["cart"]["items"]] == ["prod_9f8e7d"]


@pytest.mark.requirement("AJ-044", "AJ-046")
def test_two_mugs_come_to_fifty_six(agent: Visitor) -> None:
    """All that either client reads."""
    added = told(agent.post("/cart", ADD), 201)
    cart = added["cart"]

    assert (added["item_id"], added["quantity"], added["cart_size"]) == ("item_mug", 2, 1)
    assert cart["total"] == 56.00
    assert (cart["subtotal"], cart["subtotal_cents"], cart["currency"]) == (56.00, 5600, "USD")
    (line,) = cart["items"]
    assert line["item_id"] == line["itemId"] == "item_mug"
    assert (line["name"], line["quantity"]) == ("Stoneware Mug", 2)
    assert (line["price"], line["line_total"]) == (28.00, 56.00)
    assert told(agent.get("/cart")) == cart


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/cart", ADD, 201),
        ("POST", "/cart/add", ADD, 201),
        ("GET", "/cart", None, 200),
        ("GET", "/cart/view", None, 200),
        ("PATCH", "/cart", ADD, 200),
        ("PUT", "/cart", ADD, 200),
        ("PATCH", "/cart/update", ADD, 200),
        ("PUT", "/cart/update", ADD, 200),
        ("DELETE", "/cart", {"item_id": "item_mug"}, 200),
        ("DELETE", "/cart/remove", {"item_id": "item_mug"}, 200),
        ("DELETE", "/cart?item_id=item_mug", None, 200),
        ("DELETE", "/cart/remove?item_id=item_mug", None, 200),
    ],
)
@pytest.mark.requirement("AJ-031", "AJ-032", "AJ-036", "AJ-044", "AJ-046", "AJ-047")
def test_every_address_of_both_clients(
    agent: Visitor, method: str, path: str, body: Any, status: int
) -> None:
    told(agent.post("/cart", ADD), 201)

    told(agent.ask(method, path, body), status)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/cart"), ("GET", "/cart"), ("PATCH", "/cart"), ("DELETE", "/cart")]
)
@pytest.mark.requirement("AJ-045", "AJ-082")
def test_without_a_session_there_is_no_cart(visitor: Visitor, method: str, path: str) -> None:
    answer = visitor.ask(method, path, ADD if method != "GET" else None)

    assert answer.status_code == 401
    assert failed(answer)
    assert not Cart.objects.exists()


@pytest.mark.requirement("AJ-078")
def test_sessions_share_no_cart(agent: Visitor) -> None:
    other = Visitor(visit()[1])
    told(agent.post("/cart", ADD), 201)
    told(other.post("/cart", {"item_id": "item_tablet", "quantity": 1}), 201)

    assert other.ask("DELETE", "/cart", {"item_id": "item_mug"}).status_code == 404
    assert items(agent) == [("item_mug", 2)]
    assert items(other) == [("item_tablet", 1)]


def test_the_order_is_that_of_adding_and_an_item_is_one_line(agent: Visitor) -> None:
    for item in ("item_tablet", "item_mug", "item_tablet"):
        answer = agent.post("/cart", {"item_id": item, "quantity": 3})

    assert (told(answer, 201)["quantity"], told(answer, 201)["cart_size"]) == (6, 2)
    assert items(agent) == [("item_tablet", 6), ("item_mug", 3)]


def test_name_and_price_of_an_agent_are_noise(agent: Visitor) -> None:
    answer = agent.post("/cart", {**ADD, "name": "Free mug", "price": 0.01, "unit_price": 1})

    assert told(answer, 201)["cart"]["total"] == 56.00
    assert told(answer, 201)["cart"]["items"][0]["name"] == "Stoneware Mug"


def test_update_sets_and_removes(agent: Visitor) -> None:
    told(agent.post("/cart", ADD), 201)

    updated = told(agent.ask("PATCH", "/cart", {"item_id": "item_mug", "quantity": 5}))
    removed = told(agent.ask("PATCH", "/cart", {"item_id": "item_mug", "quantity": 0}))

    assert (updated["item_id"], updated["quantity"], updated["cart"]["total"]) == ("item_mug", 5, 140.00)
    assert "removed" not in updated
    assert (removed["item_id"], removed["removed"], removed["cart"]["items"]) == ("item_mug", True, [])


def test_remove_says_so(agent: Visitor) -> None:
    told(agent.post("/cart", ADD), 201)

    removed = told(agent.ask("DELETE", "/cart", {"item_id": "item_mug"}))

    assert (removed["item_id"], removed["removed"], removed["cart"]["total"]) == ("item_mug", True, 0)
    assert items(agent) == []


@pytest.mark.parametrize(
    ("method", "body", "status", "named"),
    [
        ("POST", {}, 400, "item_id"),
        ("POST", {"item_id": "item_mug"}, 400, "quantity"),
        ("POST", {"item_id": "item_mug", "quantity": 0}, 400, "quantity"),
        ("POST", {"item_id": "item_mug", "quantity": 10_001}, 400, "quantity"),
        ("POST", {"item_id": "item_mug", "quantity": "2"}, 400, "quantity"),
        ("POST", {"item_id": "item_mug", "quantity": 1.5}, 400, "quantity"),
        ("POST", {"item_id": "item_mug", "quantity": True}, 400, "quantity"),
        ("POST", {"item_id": "i" * 257, "quantity": 1}, 400, "item_id"),
        ("POST", {"item_id": ["item_mug"], "quantity": 1}, 400, "item_id"),
        ("POST", {"item_id": "no_such_item", "quantity": 1}, 404, "item_id"),
        ("PATCH", {"item_id": "item_mug", "quantity": -1}, 400, "quantity"),
        ("PATCH", {"item_id": "item_mug", "quantity": 10_001}, 400, "quantity"),
        ("PATCH", {"item_id": "item_tablet", "quantity": 1}, 404, "item_id"),
        ("DELETE", {}, 400, "item_id"),
        ("DELETE", {"item_id": "item_tablet"}, 404, "item_id"),
    ],
)
@pytest.mark.requirement("AJ-038", "AJ-039", "AJ-045", "AJ-047", "AJ-048")
def test_bad_requests_name_the_parameter_and_change_nothing(
    agent: Visitor, method: str, body: dict[str, Any], status: int, named: str
) -> None:
    """Q14: 404 for an unknown item and for one that is not in the cart."""
    told(agent.post("/cart", ADD), 201)

    answer = agent.ask(method, "/cart", body)

    assert answer.status_code == status
    assert named in failed(answer)
    assert items(agent) == [("item_mug", 2)]


@pytest.mark.requirement("AJ-039", "AJ-048")
def test_pieces_add_up_to_the_bound_and_no_further(agent: Visitor) -> None:
    told(agent.post("/cart", {"item_id": "item_mug", "quantity": 10_000}), 201)

    refused = agent.post("/cart", {"item_id": "item_mug", "quantity": 1})

    assert refused.status_code == 400
    assert failed(refused).startswith("quantity: ")


def test_a_sold_out_item_can_be_put_in_and_is_told(agent: Visitor) -> None:
    """Nothing is reserved: what is there when the person pays decides."""
    Product.objects.filter(pk="item_tablet").update(available=0)

    cart = told(agent.post("/cart", {"item_id": "item_tablet", "quantity": 1}), 201)["cart"]

    assert cart["items"][0]["available"] is False
    assert cart["messages"] == ["Ten Inch Tablet is out of stock."]


@pytest.mark.parametrize(
    ("currency", "amount", "text"),
    [("usd", 1_999, "59.97"), ("jpy", 1_999, "5997"), ("kwd", 1_999, "5.997"), ("usd", 3_333_333_333, None)],
)
def test_decimals_are_exact_in_every_currency(
    agent: Visitor, monkeypatch: pytest.MonkeyPatch, currency: str, amount: int, text: str | None
) -> None:
    """Q13: the number in the answer, read as a decimal, is the integer of minor units beside it."""
    monkeypatch.setattr("gateway.shop.catalog.ShopCatalog.currencies", lambda self: (currency,))
    Product.objects.create(id="thing", title="Thing", unit_price=amount, currency=currency)

    answer = agent.post("/cart", {"item_id": "thing", "quantity": 3})

    cart = json.loads(answer.content, parse_float=Decimal, parse_int=Decimal)["data"]["cart"]
    digits = {"usd": 2, "jpy": 0, "kwd": 3}[currency]
    assert cart["total"] == Decimal(amount * 3).scaleb(-digits)
    assert cart["subtotal_cents"] == amount * 3
    assert cart["currency"] == currency.upper()
    if text:
        assert cart["total"] == Decimal(text)


# --- Repeats --------------------------------------------------------------------------------------


def test_a_lost_answer_is_repeated_and_doubles_nothing(agent: Visitor) -> None:
    first, again = (agent.post("/cart", ADD, Idempotency_Key="one") for _ in range(2))
    other = agent.post("/cart", {**ADD, "quantity": 3}, Idempotency_Key="one")

    assert first.content == again.content
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert other.status_code == 400
    assert items(agent) == [("item_mug", 2)]


def test_without_a_key_it_is_another_request(agent: Visitor) -> None:
    told(agent.post("/cart", ADD), 201)
    told(agent.post("/cart", ADD), 201)

    assert items(agent) == [("item_mug", 4)]
    assert not IdempotentRequest.objects.exists()


def test_a_repeated_removal_is_the_first_one_s_answer(agent: Visitor) -> None:
    told(agent.post("/cart", ADD), 201)
    first, again = (
        agent.ask("DELETE", "/cart", {"item_id": "item_mug"}, Idempotency_Key="gone") for _ in range(2)
    )
    later = agent.ask("DELETE", "/cart", {"item_id": "item_mug"})

    assert (first.status_code, again.status_code, later.status_code) == (200, 200, 404)
    assert first.content == again.content


def test_keys_of_two_sessions_are_two_keys(agent: Visitor) -> None:
    other = Visitor(visit()[1])

    for one in (agent, other):
        told(one.post("/cart", ADD, Idempotency_Key="one"), 201)

    assert items(agent) == items(other) == [("item_mug", 2)]


# --- The handoff, seen from the cart --------------------------------------------------------------


def test_the_cart_tells_how_its_checkout_stands(agent: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    told(agent.post("/cart", ADD), 201)
    assert "checkout" not in told(agent.get("/cart"))
    cart = Cart.objects.get(owner=AgentSession.objects.get().owner)
    Cart.objects.update(session="cs_1", frozen_revision=cart.revision)
    outcome = Outcome("waiting", cart.expires_at, "int_1")
    monkeypatch.setattr(handoffs, "outcome", lambda cart: outcome)

    waiting = told(agent.get("/cart"))
    outcome = Outcome("completed", cart.expires_at, "int_1", "ord_1")
    bought = told(agent.get("/cart"))

    assert waiting["checkout"]["status"] == "waiting"
    assert waiting["checkout"]["expires_at"].endswith("Z")
    assert waiting["items"]
    assert (bought["checkout"]["status"], bought["checkout"]["order_id"]) == ("completed", "ord_1")
    assert bought["checkout"]["permalink_url"].startswith("http")
    assert bought["items"] == []


@pytest.mark.requirement("AJ-046", "AJ-077")
def test_from_the_cart_to_the_link_and_back(agent: Visitor) -> None:
    told(agent.post("/cart", ADD), 201)

    first = told(agent.post("/checkout"))
    waiting = told(agent.get("/cart"))
    same = told(agent.post("/checkout"))
    told(agent.ask("PATCH", "/cart", {"item_id": "item_mug", "quantity": 3}))
    void = told(agent.get("/cart"))
    other = told(agent.post("/checkout"))

    assert waiting["checkout"] == {"status": "waiting", "expires_at": first["expires_at"]}
    assert same["handoff_url"] == first["handoff_url"] != other["handoff_url"]
    assert void["checkout"]["status"] == "void"
    assert told(agent.get("/cart"))["checkout"]["status"] == "waiting"
