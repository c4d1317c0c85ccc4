"""The domain in the words of the Interaction API. Prices are decimal numbers of the currency's unit, made
by exact arithmetic, beside the integers of minor units that they come from (Q13)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from checkout.money import exponent
from checkout.ports import Product


def item(product: Product) -> dict[str, Any]:
    """One thing for sale. Members that hold nothing are left out, but those that clients read."""
    told: dict[str, Any] = {
        "id": product.id,
        "item_id": product.id,
        "name": product.title,
        "description": product.description,
        "price": decimal(product.unit_price, product.currency),
        "price_cents": product.unit_price,
        "currency": product.currency.upper(),
        "category": product.category,
        "url": product.url or None,
        "image": product.images[0] if product.images else None,
        "available": product.available is None or product.available > 0,
    }
    if product.available is not None:
        told["quantity_available"] = product.available
    if product.max_quantity is not None:
        told["max_quantity"] = product.max_quantity
    if len(product.images) > 1:
        told["images"] = list(product.images)
    if product.tags:
        told["tags"] = list(product.tags)
    return told


def decimal(amount: int, currency: str) -> int | float:
    """An amount of minor units as the number that stands for it, such as 28 or 129.99.

    The shortest text that reads back as this number is the exact decimal: amounts have at most 13
    digits (`money.LARGEST_AMOUNT`), and 15 are always kept.
    """
    exact = Decimal(amount).scaleb(-exponent(currency))
    return float(exact)


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
