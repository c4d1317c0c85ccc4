"""Carts as the OpenAPI document shows them; a test sends the requests and compares the answers."""

from __future__ import annotations

from typing import Any

from gateway.acp.examples import BUYER

Body = dict[str, Any]

CART_ID = "cart_91e0ac30b7fd4d6a3f2f0d0b8c1e5a77"

CREATE: Body = {"line_items": [{"id": "item_mug", "quantity": 2}], "buyer": BUYER}

REPLACE: Body = {"line_items": [{"id": "item_mug", "quantity": 1}, {"id": "item_tablet"}]}


def _totals(first: str, amount: int) -> list[Body]:
    return [
        {"type": "items_base_amount", "display_text": first, "amount": amount},
        {"type": "subtotal", "display_text": "Subtotal", "amount": amount},
        {"type": "total", "display_text": "Total", "amount": amount},
    ]


def _line(number: int, item: str, name: str, price: int, quantity: int, **more: Any) -> Body:
    return {
        "id": f"li_{number}",
        "item": {"id": item, "name": name, "unit_amount": price},
        "quantity": quantity,
        "name": name,
        "unit_amount": price,
        "product_id": item,
        "availability_status": "in_stock",
        "totals": _totals("Item price", price * quantity),
        **more,
    }


def _mugs(quantity: int) -> Body:
    return _line(
        1,
        "item_mug",
        "Stoneware Mug",
        2800,
        quantity,
        description="Holds 350 ml, keeps tea warm, goes into the dishwasher.",
        tags=["mug", "cup", "coffee", "tea"],
        category="Kitchen",
        sku="DS-0001",
    )


TABLET = _line(
    2,
    "item_tablet",
    "Ten Inch Tablet",
    49999,
    1,
    description="A bright screen, 128 GB of memory and a day of battery.",
    tags=["computer", "screen", "tablet"],
    category="Electronics",
    sku="DS-0003",
)


def _cart(total: int, *lines: Body, **more: Body | list[Body]) -> Body:
    return {
        "id": CART_ID,
        "line_items": list(lines),
        "currency": "usd",
        "totals": _totals("Items", total),
        "expires_at": "2026-11-23T09:30:00Z",
        **more,
    }


CREATED = _cart(5600, _mugs(2), buyer=BUYER)

REPLACED = _cart(52799, _mugs(1), TABLET)

SOLD_OUT = _cart(
    52799,
    _mugs(1),
    {**TABLET, "availability_status": "out_of_stock"},
    messages=[
        {
            "type": "error",
            "severity": "high",
            "content_type": "plain",
            "content": "Ten Inch Tablet is out of stock.",
            "resolution": "recoverable",
            "code": "out_of_stock",
            "param": "$.line_items[1]",
        }
    ],
)
