"""Search, browse and detail (section 2, Q4, Q5, Q13)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from checkout import ports
from checkout.ports import Catalog
from gateway.interaction_api import manifest, wire
from gateway.shop.models import Product
from tests.visitors import Visitor, configured, failed, told


@pytest.mark.requirement("AJ-031")
def test_an_item_has_all_that_clients_read(visitor: Visitor) -> None:
    Product.objects.filter(pk="prod_9f8e7d").update(
        images=["https://cdn.example/1.jpg", "https://cdn.example/2.jpg"], available=3, max_quantity=2
    )

    item = told(visitor.get("/detail?id=prod_9f8e7d"))

    assert {**item, "tags": None} == {
        "id": "prod_9f8e7d",
        "item_id": "prod_9f8e7d",
        "name": "Ocean Blue Mug",
        "description": "Glazed by hand in the blue of deep water.",
        "price": 28.0,
        "price_cents": 2800,
        "currency": "USD",
        "category": "Kitchen",
        "url": None,
        "image": "https://cdn.example/1.jpg",
        "images": ["https://cdn.example/1.jpg", "https://cdn.example/2.jpg"],
        "available": True,
        "quantity_available": 3,
        "max_quantity": 2,
        "tags": None,
    }
    assert told(visitor.get("/search?q=blue+mugs"))["results"] == [item]


def test_what_is_sold_out_says_so(visitor: Visitor) -> None:
    assert told(visitor.get("/detail?id=item_none"))["available"] is False
    Product.objects.filter(pk="item_none").update(available=None)
    assert told(visitor.get("/detail?id=item_none"))["available"] is True


def test_what_is_not_for_sale_is_not_there(visitor: Visitor) -> None:
    Product.objects.filter(pk="item_mug").update(active=False)
    Product.objects.filter(pk="item_pan").update(currency="eur")

    for item in ("item_mug", "item_pan", "nothing", "x" * 200, "' OR 1=1", "../etc", "%00"):
        answer = visitor.get(f"/detail?id={item}")
        assert answer.status_code in (400, 404)
        assert failed(answer)
    assert told(visitor.get("/search?q=stoneware"))["total"] == 0


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (2800, "usd", "28.0"),
        (1, "usd", "0.01"),
        (29, "usd", "0.29"),
        (110, "eur", "1.1"),
        (12_999, "usd", "129.99"),
        (999_999_999_999, "usd", "9999999999.99"),
        (10**12, "usd", "10000000000.0"),
        (500, "jpy", "500.0"),
        (1_234, "kwd", "1.234"),
        (10_001, "clf", "1.0001"),
    ],
)
def test_prices_are_exact(amount: int, currency: str, text: str) -> None:
    """Q13: what is read back from the answer is the very amount, whatever the currency's unit."""
    assert json.dumps(wire.decimal(amount, currency)) == text


def test_search_is_by_words(visitor: Visitor) -> None:
    def found(words: str) -> list[str]:
        return [entry["id"] for entry in told(visitor.get(f"/search?q={words}"))["results"]]

    assert found("blue+mugs") == ["prod_9f8e7d"]
    assert found("MUG+ocean") == ["prod_9f8e7d"]
    assert set(found("mug")) == {"item_mug", "prod_9f8e7d"}
    assert found("qqzzxx") == found("%25") == found("_") == []


@pytest.mark.requirement("AJ-113")
def test_pages_go_through_everything_once(visitor: Visitor) -> None:
    """As the client's `paginate` walks: items and total, page and limit."""
    seen: list[str] = []
    page = 1
    while True:
        data = told(visitor.get(f"/browse?page={page}&limit=15"))
        assert data["page"] == page
        seen += [entry["id"] for entry in data["items"]]
        if len(seen) >= data["total"]:
            break
        page += 1

    assert len(seen) == len(set(seen)) == Product.objects.filter(active=True, currency="usd").count()
    beyond = told(visitor.get("/browse?page=9999&limit=15"))
    assert (beyond["items"], beyond["total"]) == ([], len(seen))


def test_a_category_and_an_order(visitor: Visitor) -> None:
    def prices(query: str) -> list[float]:
        return [entry["price"] for entry in told(visitor.get(f"/browse?limit=100&{query}"))["items"]]

    kitchen = prices("category=kitchen&sort=price_asc")
    assert kitchen == sorted(kitchen)
    assert 0 < len(kitchen) < len(prices("sort=price_asc"))
    assert prices("category=Kitchen&sort=price_desc") == sorted(kitchen, reverse=True)
    assert prices("category=nothing") == []
    refused = visitor.get("/browse?sort=random")
    assert refused.status_code == 400
    assert failed(refused) == "The parameter 'sort' must be one of: price_asc, price_desc, newest."


def test_the_newest_come_first(visitor: Visitor) -> None:
    Product.objects.create(id="brand_new", title="Zebra", unit_price=100)

    for query in ("", "?sort=newest"):
        assert told(visitor.get(f"/browse{query}"))["items"][0]["id"] == "brand_new"


class Plain:
    """A merchant's catalog that offers no order: what a Catalog has, and nothing else."""

    def __init__(self, catalog: Catalog) -> None:
        self.currencies, self.find = catalog.currencies, catalog.find
        self.search, self.browse = catalog.search, catalog.browse


def test_no_order_is_offered_that_the_catalog_does_not_have(visitor: Visitor) -> None:
    """Neither in agents.json nor by an error: it is noise then, as any other filter."""
    before = ports.ports()
    ports.plug(ports.replace(before, catalog=Plain(before.catalog)))
    try:
        offered = {entry["name"]: entry for entry in manifest.document()["capabilities"]}
        data = told(visitor.get("/browse?sort=price_asc&limit=3"))
    finally:
        ports.plug(before)

    assert "sort" not in offered["browse"]["params"]
    assert [entry["name"] for entry in data["items"]] == sorted(entry["name"] for entry in data["items"])


def test_the_list_alone_where_a_client_wants_it(visitor: Visitor) -> None:
    """Q4."""
    with configured(INTERACTION_SEARCH_AS_LIST=True):
        data: Any = told(visitor.get("/search?q=blue+mugs"))

    assert [entry["id"] for entry in data] == ["prod_9f8e7d"]


def test_a_card_number_is_not_searched_for(visitor: Visitor) -> None:
    answer = visitor.get("/search?q=4242+4242+4242+4242")

    assert answer.status_code == 400
    assert "4242" not in failed(answer)
