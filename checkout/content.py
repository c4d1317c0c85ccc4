"""What else a buyer is told about a product, beyond its title and price (ACP-068, ACP-069).

Plain data in the words of ACP's LineItem: a merchant's catalog answers it, it is kept in the quote
as it is, and members without a value are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict


class Disclosure(TypedDict):
    """A text that has to be shown with the product. Markdown is CommonMark without raw HTML."""

    content_type: Literal["plain", "markdown"]
    content: str


class CustomAttribute(TypedDict):
    """A fact about the product, such as its material."""

    display_name: str
    value: str


class VariantOption(TypedDict):
    """One choice that makes the variant, such as its size."""

    name: str
    value: str


class Seller(TypedDict):
    """Who sells it, on a marketplace."""

    name: str


class Weight(TypedDict):
    """Of one piece."""

    value: float
    unit: Literal["g", "kg", "oz", "lb"]


class Dimensions(TypedDict):
    """Of one piece."""

    length: float
    width: float
    height: float
    unit: Literal["cm", "in"]


class Content(TypedDict, total=False):
    """Every member is optional."""

    disclosures: Sequence[Disclosure]
    custom_attributes: Sequence[CustomAttribute]
    variant_options: Sequence[VariantOption]
    product_id: str
    """The product that this is a variant of, where it has a number of its own."""
    variant_id: str
    marketplace_seller_details: Seller
    weight: Weight
    dimensions: Dimensions
    fulfillable_on: str
    """From when it can be sent: RFC 3339."""
    availability_status: Literal["backorder", "pre_order"]
    """How it can be had although it is not there, for as long as it can be sold at all."""
    quantity_shown: bool
    """Buyers may know how many can be sold now; otherwise only whether there are few."""
    tax_exempt: bool
    """No tax is due on it; shown only where none was charged."""
    tax_exemption_reason: str
