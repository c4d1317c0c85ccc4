"""Baskets to price and deliver, for the contracts of Fulfillment and Pricing."""

from __future__ import annotations

from collections.abc import Mapping

from checkout.ports import Basket, BasketLine, Product

ADDRESS = {
    "name": "Ada Buyer",
    "line_one": "1 Market Street",
    "city": "San Francisco",
    "state": "CA",
    "country": "US",
    "postal_code": "94105",
}


def basket(*products: tuple[Product, int], address: Mapping[str, str] | None = ADDRESS) -> Basket:
    """A line for each product and quantity, in the currency of the first."""
    lines = tuple(
        BasketLine(f"li_{number}", product, quantity)
        for number, (product, quantity) in enumerate(products, start=1)
    )
    return Basket(lines, products[0][0].currency, address)
