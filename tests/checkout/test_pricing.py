"""Totals add up, whatever the merchant's parts answer (ACP-056, T62)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkout import money, pricing
from checkout.errors import Invalid, UnknownItem
from checkout.ports import Basket, LinePrice, Option, Prices, Product, Rules, TaxPart
from gateway.acp import wire
from tests.agents import ADDRESS
from tests.parts import plugged


class Fixed:
    """Catalog, delivery and pricing with answers made up by the test."""

    def __init__(
        self, products: dict[str, Product], options: list[Option], prices: dict[str, LinePrice], tax: int
    ) -> None:
        self.products, self.offered, self.prices, self.tax = products, options, prices, tax

    def find(self, ids: Sequence[str], *, currency: str) -> Mapping[str, Product]:
        return {item: self.products[item] for item in ids if item in self.products}

    def options(self, basket: Basket) -> Sequence[Option]:
        return self.offered

    def quote(self, basket: Basket, *, chosen: Sequence[Option], offered: Sequence[Option]) -> Prices:
        lines = tuple(self.prices[line.id] for line in basket.lines)
        parts = (TaxPart("CA", 725, self.tax),) if chosen else ()
        return Prices(lines, fulfillment_tax=self.tax if chosen else 0, fulfillment_tax_parts=parts)


def priced(
    unit: list[int],
    quantity: list[int],
    discount: list[int],
    tax: list[int],
    delivery: int,
    delivery_tax: int,
) -> Any:
    products, prices, lines = {}, {}, []
    for number, (price, count, off, duty) in enumerate(zip(unit, quantity, discount, tax, strict=True)):
        item, line = f"item_{number}", f"li_{number}"
        products[item] = Product(item, f"Item {number}", price, "usd")
        prices[line] = LinePrice(line, min(off, price * count), duty, (TaxPart("CA", 725, duty),))
        lines.append({"id": line, "item_id": item, "quantity": count})
    parts = Fixed(products, [Option("std", "shipping", "Standard", delivery)], prices, delivery_tax)
    with plugged(catalog=parts, fulfillment=parts, pricing=parts):
        return pricing.price(lines, currency="usd", fulfillment_details={"address": ADDRESS})


amounts = st.integers(0, 10**7)


@pytest.mark.requirement("ACP-056")
@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(amounts, st.integers(1, 999), amounts, amounts), min_size=1, max_size=12),
    amounts,
    amounts,
)
def test_totals_add_up(lines: list[tuple[int, int, int, int]], delivery: int, delivery_tax: int) -> None:
    """total = items - items_discount - discount + fulfillment + tax, at every level, on the wire too."""
    unit, quantity, discount, tax = (list(column) for column in zip(*lines, strict=True))

    quote = priced(unit, quantity, discount, tax, delivery, delivery_tax)

    sums = quote["totals"]
    assert sums["total"] == (
        sums["items"] - sums["items_discount"] - sums["discount"] + sums["fulfillment"] + sums["tax"]
    )
    assert sums["items"] == sum(a * b for a, b in zip(unit, quantity, strict=True))
    assert sum(line["total"] for line in quote["lines"]) + delivery + delivery_tax == sums["total"]
    assert sum(part["amount"] for part in quote["tax_parts"]) == sums["tax"]
    on_wire = {entry["type"]: entry["amount"] for entry in wire.totals(quote)}
    assert on_wire["total"] == on_wire["subtotal"] + on_wire.get("fulfillment", 0) + on_wire["tax"]
    assert on_wire["subtotal"] == on_wire["items_base_amount"] - on_wire.get("items_discount", 0)
    for line in quote["lines"]:
        shown = {entry["type"]: entry["amount"] for entry in wire.line_item(line)["totals"]}
        assert shown["total"] == shown["subtotal"] + shown["tax"]
        assert all(isinstance(amount, int) for amount in shown.values())


def test_a_part_whose_amounts_do_not_add_up_is_caught() -> None:
    """A discount above its base would make a negative total: a defect of the part, never a charge."""
    parts = Fixed(
        {"item_0": Product("item_0", "Item", 100, "usd")},
        [Option("std", "shipping", "Standard", 0)],
        {"li_0": LinePrice("li_0", discount=500)},
        0,
    )

    with (
        plugged(catalog=parts, fulfillment=parts, pricing=parts),
        pytest.raises(ValueError, match="do not add up"),
    ):
        pricing.price(
            [{"id": "li_0", "item_id": "item_0", "quantity": 1}],
            currency="usd",
            fulfillment_details={"address": ADDRESS},
        )


@pytest.mark.parametrize(("rule", "expected"), [("cheapest", "slow"), ("first", "fast"), ("none", None)])
def test_preselection(rule: str, expected: str | None) -> None:
    """The demo store contract's setting."""
    offered = [Option("fast", "shipping", "Fast", 900), Option("slow", "shipping", "Slow", 500)]
    parts = Fixed({"a": Product("a", "A", 100, "usd")}, offered, {"li_1": LinePrice("li_1")}, 0)

    with plugged(catalog=parts, fulfillment=parts, pricing=parts, rules=Rules(preselect=rule)):  # type: ignore[arg-type]
        quote = pricing.price(
            [{"id": "li_1", "item_id": "a", "quantity": 1}],
            currency="usd",
            fulfillment_details={"address": ADDRESS},
        )

    assert [choice["option_id"] for choice in quote["selected"]] == ([expected] if expected else [])
    assert quote["ready"] is (expected is not None)


def test_nothing_can_be_delivered_there() -> None:
    parts = Fixed({"a": Product("a", "A", 100, "usd")}, [], {"li_1": LinePrice("li_1")}, 0)

    with plugged(catalog=parts, fulfillment=parts, pricing=parts):
        quote = pricing.price(
            [{"id": "li_1", "item_id": "a", "quantity": 1}],
            currency="usd",
            fulfillment_details={"address": ADDRESS},
        )

    assert [entry["code"] for entry in quote["problems"]] == ["region_restricted"]


def test_a_total_beyond_reason_is_refused() -> None:
    parts = Fixed({"a": Product("a", "A", 10**12, "usd")}, [], {"li_1": LinePrice("li_1")}, 0)

    with plugged(catalog=parts, fulfillment=parts, pricing=parts), pytest.raises(Invalid):
        pricing.price(
            [{"id": "li_1", "item_id": "a", "quantity": 2}], currency="usd", fulfillment_details=None
        )


def test_an_unknown_item_names_its_place() -> None:
    parts = Fixed({}, [], {}, 0)

    with plugged(catalog=parts, fulfillment=parts, pricing=parts), pytest.raises(UnknownItem) as refused:
        pricing.price(
            [{"id": "li_1", "item_id": "x", "quantity": 1, "param": "$.line_items[0].item.id"}],
            currency="usd",
            fulfillment_details=None,
        )

    assert refused.value.param == "$.line_items[0].item.id"


@pytest.mark.requirement("ACP-016")
@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (12999, "usd", "129.99 USD"),
        (100, "jpy", "100 JPY"),
        (1234567, "bhd", "1,234.567 BHD"),
        (-5, "eur", "-0.05 EUR"),
        (0, "usd", "0.00 USD"),
    ],
)
def test_amounts_for_people(amount: int, currency: str, text: str) -> None:
    """Exact in every exponent: integers all the way."""
    assert money.display(amount, currency) == text


@given(st.integers(0, 10**12), st.integers(0, 10_000))
def test_a_share_is_rounded_half_up(amount: int, points: int) -> None:
    """Against exact rational arithmetic."""
    from fractions import Fraction

    exact = Fraction(amount * points, 10_000)

    assert money.share(amount, points) == int(exact + Fraction(1, 2))


@pytest.mark.parametrize(
    ("choice", "price"),
    [("std", 500), ("mail", None), ("half", None)],
)
def test_an_option_must_carry_everything_physical(choice: str, price: int | None) -> None:
    """A parcel cannot be mailed, nor go with an option for other lines: no delivery price is dodged."""
    offered = [
        Option("std", "shipping", "Standard", 500),
        Option("mail", "digital", "By mail", 0),
        Option("half", "shipping", "One line only", 100, line_ids=("li_2",)),
    ]
    parts = Fixed(
        {"a": Product("a", "A", 100, "usd"), "b": Product("b", "B", 100, "usd")},
        offered,
        {"li_1": LinePrice("li_1"), "li_2": LinePrice("li_2")},
        0,
    )

    with plugged(catalog=parts, fulfillment=parts, pricing=parts):
        quote = pricing.price(
            [{"id": "li_1", "item_id": "a", "quantity": 1}, {"id": "li_2", "item_id": "b", "quantity": 1}],
            currency="usd",
            fulfillment_details={"address": ADDRESS},
            chosen=[{"type": next(o.type for o in offered if o.id == choice), "option_id": choice}],
        )

    assert quote["ready"] is (price is not None)
    assert price is None or quote["totals"]["fulfillment"] == price
