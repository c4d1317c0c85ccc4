"""What a cart would cost, as far as that is known: without an address taxes may be missing (ACP-217)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from checkout import pricing
from checkout.errors import NoCommonCurrency, NothingInStock, UnknownItem
from checkout.models import Cart
from checkout.ports import ports
from checkout.pricing import Quote

ABOUT_ITEMS = frozenset({"out_of_stock", "low_stock", "quantity_exceeded"})
"""What may be wrong with a cart. Addresses and deliveries are the checkout's."""

KEPT = ("title", "unit_price", "description", "physical")
"""What a line remembers of its product: one that is sold no more stays in the cart (ACP-215)."""

Line = dict[str, Any]


def estimate(cart: Cart, lines: Sequence[Mapping[str, Any]], currency: str) -> Quote:
    """The quote for `lines` in the cart, as the merchant's parts answer now. Nothing is reserved.

    Raises UnknownItem for what the catalog does not know and the cart did not hold, and Invalid
    for a total beyond all bounds.
    """
    if not lines:
        return _nothing()
    quote = pricing.price(
        lines,
        currency=currency,
        fulfillment_details=None,
        buyer=cart.buyer,
        locale=cart.extras.get("locale", ""),
        before=_remembered(cart),
    )
    quote["problems"] = [entry for entry in quote["problems"] if entry["code"] in ABOUT_ITEMS]
    return quote


def estimate_anyhow(cart: Cart, lines: Sequence[Mapping[str, Any]]) -> tuple[str, Quote]:
    """A currency in which all of `lines` are sold, rather the cart's own, and the quote in it.

    Raises NoCommonCurrency, and UnknownItem for what is sold in none of the merchant's.
    """
    sold_in = ports().catalog.currencies()
    missing: list[UnknownItem] = []
    for currency in sorted(sold_in, key=lambda name: name != cart.currency):  # stable: the default first
        try:
            return currency, estimate(cart, lines, currency)
        except UnknownItem as problem:
            missing.append(problem)
    ids = [line["item_id"] for line in lines]
    known = {found for currency in sold_in for found in ports().catalog.find(ids, currency=currency)}
    if missing and not known.issuperset(ids):
        raise missing[0]
    raise NoCommonCurrency(param="$.line_items")


def something_in_stock(quote: Quote) -> None:
    """Raises NothingInStock when every line is sold out (ACP-216)."""
    if all(line["available"] is not None and line["available"] <= 0 for line in quote["lines"]):
        raise NothingInStock(param="$.line_items")


def remembering(lines: Sequence[Mapping[str, Any]], quote: Quote) -> list[Line]:
    """The lines as they are stored, with what they remember of their products."""
    return [
        {"id": line["id"], "item_id": line["item_id"], "quantity": line["quantity"]}
        | {"known": {name: priced[name] for name in KEPT}}
        for line, priced in zip(lines, quote["lines"], strict=True)
    ]


def _remembered(cart: Cart) -> Quote:
    known = (line for line in cart.lines if "known" in line)
    return {"lines": [{"item_id": line["item_id"], **line["known"]} for line in known]}


def _nothing() -> Quote:
    names = ("items", "items_discount", "discount", "fulfillment", "tax", "total")
    return {
        "lines": [],
        "options": [],
        "selected": [],
        "totals": dict.fromkeys(names, 0),
        "tax_parts": [],
        "problems": [],
        "ready": False,
    }
