"""Carts over HTTP (acp.md section P): what an agent keeps before it opens a checkout session."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from checkout.models import Cart, CheckoutSession
from checkout.ports import Product as Goods
from checkout.ports import ports
from gateway import throttling
from gateway.acp import examples_carts as examples
from gateway.models import IdempotentRequest
from gateway.shop.models import Hold, Product
from tests.acp.test_signatures import enrolled, require, signed_headers
from tests.acp.test_statements import statements
from tests.agents import BASE, BUYER, PlayedAgent, total
from tests.gateway.test_openapi import shape
from tests.parts import plugged

MUG = {"line_items": [{"id": "item_mug", "quantity": 2}]}
UNKNOWN = "cart_" + "0" * 32


def put(agent: PlayedAgent, cart_id: str, body: Any, *, key: str | None = None, **headers: str) -> Any:
    sent = agent.headers(**{"Idempotency-Key": key, **headers})
    return agent.http.put(
        f"{BASE}/carts/{cart_id}", json.dumps(body), content_type="application/json", headers=sent
    )


def begin(agent: PlayedAgent, body: Any = MUG, **options: Any) -> dict[str, Any]:
    response = agent.post("/carts", body, **options)
    assert response.status_code == 201, response.content
    return response.json()


def every_call(agent: PlayedAgent, cart_id: str) -> list[tuple[int, bytes]]:
    """How retrieve, replace and cancel answer."""
    answers: list[HttpResponse] = [
        agent.get(f"/carts/{cart_id}"),
        put(agent, cart_id, MUG),
        put(agent, cart_id, MUG, key=uuid.uuid4().hex),
        agent.post(f"/carts/{cart_id}/cancel"),
    ]
    return [(answer.status_code, answer.content) for answer in answers]


def quantities(cart: Mapping[str, Any]) -> list[tuple[str, int]]:
    return [(line["item"]["id"], line["quantity"]) for line in cart["line_items"]]


@pytest.mark.requirement("ACP-212", "ACP-213")
def test_the_four_calls(agent: PlayedAgent) -> None:
    created = agent.post("/carts", examples.CREATE)
    cart_id = created.json()["id"]
    found = agent.get(f"/carts/{cart_id}")
    replaced = put(agent, cart_id, examples.REPLACE)
    canceled = agent.post(f"/carts/{cart_id}/cancel")

    assert [r.status_code for r in (created, found, replaced, canceled)] == [201, 200, 200, 200]
    assert shape(created.json()) == shape(examples.CREATED)
    assert found.json() == created.json()
    assert shape(replaced.json()) == shape(examples.REPLACED)
    assert canceled.json() == replaced.json()
    assert {"status", "capabilities", "payment"}.isdisjoint(created.json())


@pytest.mark.requirement("ACP-212")
def test_a_replacement_replaces_everything(agent: PlayedAgent) -> None:
    """Items and buyer that are left out go; an item keeps the id of its line."""
    cart = begin(agent, {"line_items": [{"id": "item_mug"}, {"id": "item_tablet"}], "buyer": BUYER})

    replaced = put(agent, cart["id"], {"line_items": [{"id": "item_tablet", "quantity": 3}]}).json()

    assert quantities(replaced) == [("item_tablet", 3)]
    assert replaced["line_items"][0]["id"] == cart["line_items"][1]["id"]
    assert "buyer" not in replaced
    assert agent.get(f"/carts/{cart['id']}").json() == replaced


@pytest.mark.requirement("ACP-214", "ACP-005")
def test_what_is_not_there_is_404_on_every_call(agent: PlayedAgent, other: PlayedAgent) -> None:
    """Unknown, malformed, foreign, expired and canceled, byte for byte."""
    foreign, expired, canceled = (begin(agent)["id"] for _ in range(3))
    Cart.objects.filter(pk=expired).update(expires_at=timezone.now())
    assert agent.post(f"/carts/{canceled}/cancel").status_code == 200

    heard = [
        *every_call(agent, UNKNOWN),
        *every_call(agent, "4242424242424242"),
        *every_call(other, foreign),
        *every_call(agent, expired),
        *every_call(agent, canceled),
    ]

    assert {status for status, _ in heard} == {404}
    assert len({content for _, content in heard}) == 1
    assert json.loads(heard[0][1])["code"] == "not_found"
    assert agent.get(f"/carts/{foreign}").status_code == 200


@pytest.mark.requirement("ACP-214")
def test_a_cart_of_a_visit_is_nobody_elses(agent: PlayedAgent) -> None:
    late = timezone.now() + timedelta(hours=1)
    visit = Cart.objects.create(owner="session:ase_1", only=True, currency="usd", expires_at=late)

    assert {status for status, _ in every_call(agent, visit.pk)} == {404}


@pytest.mark.requirement("ACP-215")
def test_a_sold_out_item_stays_and_is_told(agent: PlayedAgent) -> None:
    Product.objects.filter(pk="item_tablet").update(available=0)

    created = begin(agent, examples.REPLACE)
    replaced = put(agent, created["id"], examples.REPLACE)

    assert shape(created) == shape(examples.SOLD_OUT)
    assert replaced.status_code == 200
    assert shape(replaced.json()) == shape(created)


@pytest.mark.requirement("ACP-215")
def test_an_item_that_is_sold_no_more_stays_and_is_told(agent: PlayedAgent) -> None:
    cart = begin(agent, examples.REPLACE)
    Product.objects.filter(pk="item_tablet").delete()

    found = agent.get(f"/carts/{cart['id']}").json()
    replaced = put(agent, cart["id"], examples.REPLACE).json()

    for body in (found, replaced):
        assert quantities(body) == quantities(cart)
        assert [entry["code"] for entry in body["messages"]] == ["out_of_stock"]
        assert body["line_items"][1]["item"]["name"] == "Ten Inch Tablet"


@pytest.mark.requirement("ACP-216")
def test_no_cart_of_sold_out_items(agent: PlayedAgent) -> None:
    cart = begin(agent)
    Product.objects.filter(pk__in=["item_mug", "item_tablet"]).update(available=0)

    refused = agent.post("/carts", examples.REPLACE)
    unchanged = put(agent, cart["id"], examples.REPLACE)

    for answer in (refused, unchanged):
        assert (answer.status_code, answer.json()["code"]) == (422, "out_of_stock")
    assert quantities(agent.get(f"/carts/{cart['id']}").json()) == [("item_mug", 2)]
    assert Cart.objects.count() == 1


class TwoCurrencies:
    """Sells each item in the currencies that a test says."""

    def __init__(self, sold: Mapping[str, Sequence[str]], currencies: Sequence[str] = ("usd", "eur")) -> None:
        self.sold, self.names = sold, currencies

    def currencies(self) -> Sequence[str]:
        return self.names

    def find(self, ids: Sequence[str], *, currency: str) -> Mapping[str, Goods]:
        return {id: Goods(id, id, 100, currency) for id in ids if currency in self.sold.get(id, ())}


@pytest.mark.requirement("ACP-216")
@pytest.mark.parametrize(
    ("items", "currency"),
    [("both", "usd"), ("euro", "eur"), ("both euro", "eur"), ("euro dollar", None)],
)
def test_the_currency_is_one_in_which_all_is_sold(
    agent: PlayedAgent, items: str, currency: str | None
) -> None:
    catalog = TwoCurrencies({"both": ("usd", "eur"), "euro": ("eur",), "dollar": ("usd",)})

    with plugged(catalog=catalog):
        answer = agent.post("/carts", {"line_items": [{"id": item} for item in items.split()]})

    if currency is None:
        assert (answer.status_code, answer.json()["code"]) == (422, "unsupported_currency")
    else:
        assert (answer.status_code, answer.json()["currency"]) == (201, currency)


@pytest.mark.requirement("ACP-216")
def test_a_merchant_without_a_currency_sells_nothing(agent: PlayedAgent) -> None:
    with plugged(catalog=TwoCurrencies({}, ())):
        answer = agent.post("/carts", MUG)

    assert (answer.status_code, answer.json()["code"]) == (422, "unsupported_currency")


@pytest.mark.requirement("ACP-216")
def test_a_cart_keeps_its_currency_while_it_can(agent: PlayedAgent) -> None:
    catalog = TwoCurrencies({"both": ("usd", "eur"), "euro": ("eur",), "dollar": ("usd",)})

    with plugged(catalog=catalog):
        cart = begin(agent, {"line_items": [{"id": "euro"}]})
        kept = put(agent, cart["id"], {"line_items": [{"id": "both"}]}).json()
        other = put(agent, cart["id"], {"line_items": [{"id": "dollar"}]}).json()

    assert (kept["currency"], other["currency"]) == ("eur", "usd")


@pytest.mark.requirement("ACP-217")
def test_totals_are_estimates_without_taxes(agent: PlayedAgent) -> None:
    """No address is known: a tax of 0 would say too much."""
    cart = begin(agent)

    assert total(cart) == 5600
    assert total(cart, "tax") is None
    assert all("tax" not in {entry["type"] for entry in line["totals"]} for line in cart["line_items"])


@pytest.mark.requirement("ACP-217")
def test_a_replacement_lengthens_the_cart_s_life_and_a_look_does_not(agent: PlayedAgent) -> None:
    cart = begin(agent)
    Cart.objects.update(expires_at=timezone.now() + timedelta(minutes=5))
    before = agent.get(f"/carts/{cart['id']}").json()["expires_at"]

    replaced = put(agent, cart["id"], MUG).json()["expires_at"]

    assert agent.get(f"/carts/{cart['id']}").json()["expires_at"] == replaced
    assert before < replaced
    life = datetime.fromisoformat(replaced) - datetime.now(UTC)
    assert abs(life.total_seconds() - ports().rules.cart_seconds) < 300


@pytest.mark.requirement("ACP-217")
def test_prices_are_the_merchants_of_today(agent: PlayedAgent) -> None:
    hinted = {"line_items": [{"id": "item_mug", "name": "Free mug", "unit_amount": 1, "quantity": 2}]}
    cart = begin(agent, hinted)
    Product.objects.filter(pk="item_mug").update(unit_price=3000)

    assert total(cart) == 5600
    assert total(agent.get(f"/carts/{cart['id']}").json()) == 6000


def test_nothing_is_reserved_and_no_session_is_opened(agent: PlayedAgent) -> None:
    begin(agent)

    assert not Hold.objects.exists()
    assert not CheckoutSession.objects.exists()


@pytest.mark.requirement("ACP-218", "ACP-084", "ACP-100")
def test_post_needs_a_key_and_put_does_not(agent: PlayedAgent) -> None:
    """C-20."""
    cart = begin(agent)

    for path in ("/carts", f"/carts/{cart['id']}/cancel"):
        refused = agent.post(path, MUG if path == "/carts" else None, key=None)
        assert (refused.status_code, refused.json()["code"]) == (400, "idempotency_key_required")
    assert put(agent, cart["id"], MUG).status_code == 200
    assert Cart.objects.count() == 1


@pytest.mark.requirement("ACP-218", "ACP-091", "ACP-092", "ACP-093", "ACP-012")
def test_a_repeat_is_answered_as_before(agent: PlayedAgent) -> None:
    first, again = (agent.post("/carts", MUG, key="begin") for _ in range(2))
    cart_id = first.json()["id"]
    puts = [put(agent, cart_id, examples.REPLACE, key="replace") for _ in range(2)]
    ends = [agent.post(f"/carts/{cart_id}/cancel", key="end") for _ in range(2)]
    other = put(agent, cart_id, MUG, key="replace")

    for one, two in ((first, again), tuple(puts), tuple(ends)):
        assert one.status_code == two.status_code
        assert one.content == two.content
        assert "Idempotent-Replayed" not in one
        assert two["Idempotent-Replayed"] == "true"
    assert [puts[0]["Idempotency-Key"], ends[0]["Idempotency-Key"]] == ["replace", "end"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
    assert Cart.objects.count() == 1


@pytest.mark.requirement("ACP-091", "ACP-216")
def test_a_refusal_is_repeated_too(agent: PlayedAgent) -> None:
    Product.objects.filter(pk="item_mug").update(available=0)
    first = agent.post("/carts", MUG, key="one")
    Product.objects.filter(pk="item_mug").update(available=9)

    again = agent.post("/carts", MUG, key="one")

    assert (again.status_code, again.content) == (422, first.content)
    assert not Cart.objects.exists()


@pytest.mark.requirement("ACP-213", "ACP-220")
@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "$.line_items"),
        ({"line_items": []}, "$.line_items"),
        ({"line_items": None}, "$.line_items"),
        ({"line_items": [{"quantity": 1}]}, "$.line_items[0]"),
        ({"line_items": [{"id": "item_mug", "quantity": 0}]}, "$.line_items[0].quantity"),
        ({"line_items": [{"id": "item_mug", "quantity": 10_001}]}, "$.line_items[0].id"),
        ({"line_items": [{"id": "item_mug"}, {"id": "no_item"}]}, "$.line_items[1].id"),
        ({"line_items": [{"id": f"item_{number}"} for number in range(101)]}, "$.line_items"),
        ({**MUG, "currency": "usd"}, "$.currency"),
        ({**MUG, "capabilities": {}}, "$.capabilities"),
        ({**MUG, "coupons": ["A"]}, "$.coupons"),
        ({**MUG, "discounts": {"codes": ["A"]}}, "$.discounts"),
    ],
)
def test_bad_requests_name_the_member(agent: PlayedAgent, body: dict[str, Any], param: str) -> None:
    """Closed schemas: no member of an extension, and no currency."""
    cart = begin(agent)

    for answer in (agent.post("/carts", body), put(agent, cart["id"], body)):
        assert answer.status_code == 400
        assert answer.json()["param"].startswith(param)
    assert agent.get(f"/carts/{cart['id']}").json() == cart


@pytest.mark.requirement("ACP-220")
def test_a_checkout_session_names_no_cart(agent: PlayedAgent) -> None:
    cart = begin(agent)
    body = {**MUG, "currency": "usd", "capabilities": {}, "cart_id": cart["id"]}

    answer = agent.post("/checkout_sessions", body)

    assert (answer.status_code, answer.json()["param"]) == (400, "$.cart_id")


@pytest.mark.requirement("ACP-077")
def test_nulls_clear_and_items_named_twice_are_one_line(agent: PlayedAgent) -> None:
    twice = {"line_items": [{"id": "item_mug"}, {"item": {"id": "item_mug"}, "quantity": 2}], "buyer": None}

    cart = begin(agent, twice)

    assert quantities(cart) == [("item_mug", 3)]
    assert "buyer" not in cart


@pytest.mark.requirement("ACP-014")
def test_texts_are_in_the_language_of_the_cart(agent: PlayedAgent) -> None:
    Product.objects.filter(pk="item_tablet").update(available=0)
    cart = begin(agent, {**examples.REPLACE, "locale": "de-AT"})

    found = put(agent, cart["id"], examples.REPLACE).json()

    assert found["messages"] == cart["messages"]
    assert "ist ausverkauft" in found["messages"][0]["content"]


@pytest.mark.requirement("ACP-211", "ACP-236")
def test_discovery_says_whether_there_are_carts(agent: PlayedAgent, settings: Any) -> None:
    def services() -> list[str]:
        found: list[str] = agent.http.get("/.well-known/acp.json").json()["capabilities"]["services"]
        return found

    cart = begin(agent)
    assert "carts" in services()

    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "CARTS_API": False}

    assert "carts" not in services()
    nothing = agent.get("/nothing").content
    assert all(heard == (404, nothing) for heard in every_call(agent, cart["id"]))
    assert agent.post("/carts", MUG).status_code == 404


@pytest.mark.requirement("ACP-219")
def test_ids_cannot_be_guessed_and_end(agent: PlayedAgent) -> None:
    first, second = (begin(agent)["id"] for _ in range(2))

    assert first != second
    assert all(len(id) == len(UNKNOWN) for id in (first, second))
    assert Cart.objects.filter(expires_at__isnull=False).count() == 2


@pytest.mark.requirement("ACP-007", "ACP-008", "ACP-009")
def test_every_call_names_its_version(agent: PlayedAgent) -> None:
    cart = begin(agent)["id"]

    answers = [
        agent.post("/carts", MUG, **{"API-Version": None}),
        agent.get(f"/carts/{cart}", **{"API-Version": None}),
        agent.http.put(
            f"{BASE}/carts/{cart}",
            json.dumps(MUG),
            content_type="application/json",
            headers=agent.headers(**{"API-Version": None}),
        ),
        agent.post(f"/carts/{cart}/cancel", **{"API-Version": None}),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (400, "missing_api_version")
    }
    assert agent.get(f"/carts/{cart}").status_code == 200


@pytest.mark.requirement("ACP-108", "ACP-110")
def test_a_replacement_is_signed_where_the_agent_signs(agent: PlayedAgent) -> None:
    cart = begin(agent)["id"]
    sign = enrolled("Ed25519")
    require()
    body = json.dumps(MUG).encode()

    unsigned = put(agent, cart, MUG)
    other = put(agent, cart, examples.REPLACE, **signed_headers(sign, body))
    signed = put(agent, cart, MUG, **signed_headers(sign, body))

    assert [unsigned.status_code, other.status_code, signed.status_code] == [401, 401, 200]
    assert {unsigned.json()["code"], other.json()["code"]} == {"invalid_signature"}


@pytest.mark.requirement("ACP-013", "ACP-023")
def test_answers_carry_the_headers_of_the_protocol(agent: PlayedAgent) -> None:
    cart = begin(agent)["id"]

    answers = [
        agent.get(f"/carts/{cart}", **{"Request-Id": "r1"}),
        put(agent, cart, MUG, **{"Request-Id": "r1"}),
    ]

    assert {answer["Request-Id"] for answer in answers} == {"r1"}
    assert {answer["Cache-Control"] for answer in answers} == {"no-store"}


@pytest.mark.requirement("ACP-024")
def test_a_replacement_counts_as_a_write(agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    cart = begin(agent)["id"]
    counted: list[str] = []
    monkeypatch.setattr(throttling, "check", lambda owner, kind: counted.append(kind))

    put(agent, cart, MUG)
    agent.get(f"/carts/{cart}")

    assert counted == [throttling.WRITE, throttling.READ]


@pytest.mark.requirement("ACP-022")
def test_a_card_number_is_stored_nowhere(agent: PlayedAgent) -> None:
    body = {**MUG, "buyer": {"email": "ada@example.com", "full_name": "4242 4242 4242 4242"}}

    refused = agent.post("/carts", body)

    assert (refused.status_code, refused.json()["code"]) == (400, "raw_card_data_not_accepted")
    assert not IdempotentRequest.objects.exists()


def test_what_each_call_costs(agent: PlayedAgent) -> None:
    """Statements: the key, the idempotency row looked for and kept, the products, the cart."""
    cart = begin(agent)["id"]
    agent.get(f"/carts/{cart}")
    put(agent, cart, MUG)

    assert len(statements(lambda: agent.post("/carts", MUG))) == 5
    assert len(statements(lambda: agent.get(f"/carts/{cart}"))) == 3
    assert len(statements(lambda: put(agent, cart, MUG))) == 4
    assert len(statements(lambda: put(agent, cart, MUG, key="one"))) == 6
    assert len(statements(lambda: agent.post(f"/carts/{cart}/cancel"))) == 6
