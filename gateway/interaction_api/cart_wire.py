"""A cart in the words of the Interaction API: what the seed and both clients read, in one (section 2).

`price`, `line_total`, `subtotal` and `total` are decimal numbers of the currency's unit, made by exact
arithmetic from the integers beside them (Q13). Pure: no query, no write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checkout.carts import PricedCart
from checkout.handoffs import Outcome
from checkout.pricing import wording
from gateway import links
from gateway.interaction_api.wire import decimal, instant

Member = dict[str, Any]


def cart(priced: PricedCart) -> Member:
    """All that is in it and what it costs now, as far as that is known: taxes wait for an address."""
    quote, currency = priced.quote, priced.cart.currency
    sums = quote["totals"]
    subtotal = sums["items"] - sums["items_discount"]
    told: Member = {
        "items": [_item(line, currency) for line in quote["lines"]],
        "cart_size": len(quote["lines"]),
        "subtotal": decimal(subtotal, currency),
        "subtotal_cents": subtotal,
        "total": decimal(sums["total"], currency),
        "total_cents": sums["total"],
        "currency": currency.upper(),
    }
    if quote["problems"]:
        told["messages"] = [wording(entry) for entry in quote["problems"]]
    if priced.handed is not None:
        told["checkout"] = outcome(priced.handed)
    return told


def added(priced: PricedCart, item_id: str) -> Member:
    return {
        "item_id": item_id,
        "quantity": _quantity(priced, item_id),
        "cart_size": len(priced.quote["lines"]),
        "cart": cart(priced),
    }


def updated(priced: PricedCart, item_id: str) -> Member:
    quantity = _quantity(priced, item_id)
    done: Member = {"quantity": quantity} if quantity else {"removed": True}
    return {"item_id": item_id, **done, "cart": cart(priced)}


def outcome(handed: Outcome) -> Member:
    """How the person who was handed the cart stands with it, and the order once there is one."""
    told: Member = {"status": handed.status, "expires_at": instant(handed.expires_at)}
    if handed.order_id:
        told |= {"order_id": handed.order_id, "permalink_url": links.order_page(handed.order_id)}
    return told


def _item(line: Mapping[str, Any], currency: str) -> Member:
    line_total = line["base"] - line["discount"]
    return {
        "item_id": line["item_id"],
        "itemId": line["item_id"],
        "name": line["title"],
        "quantity": line["quantity"],
        "price": decimal(line["unit_price"], currency),
        "price_cents": line["unit_price"],
        "line_total": decimal(line_total, currency),
        "line_total_cents": line_total,
        "available": line["available"] is None or line["available"] >= line["quantity"],
    }


def _quantity(priced: PricedCart, item_id: str) -> int:
    return sum(line["quantity"] for line in priced.quote["lines"] if line["item_id"] == item_id)
