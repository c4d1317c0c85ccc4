"""The texts of problems: English templates with values, filled in for whoever reads them."""

from __future__ import annotations

import json

import pytest

from checkout import pricing, quotation
from checkout.ports import LinePrice, Product
from gateway.acp import wire
from tests.checkout.test_pricing import Fixed
from tests.parts import plugged

HOSTILE = "100 % cotton %(code)s %s {title} \\N{BULLET}"


@pytest.mark.requirement("ACP-063")
@pytest.mark.parametrize("title", ["Mug", HOSTILE])
def test_a_value_is_put_in_as_it_is(title: str) -> None:
    """A merchant's or an agent's text is never read as a template."""
    entry = pricing.problem("error", "out_of_stock", "%(title)s is out of stock.", values={"title": title})

    assert pricing.wording(entry) == f"{title} is out of stock."
    assert wire.message(entry)["content"] == f"{title} is out of stock."


@pytest.mark.parametrize("text", ["Save 10 %.", "100%(d) sure", HOSTILE])
def test_a_text_without_values_is_no_template(text: str) -> None:
    """A payment provider's own words come this way."""
    entry = pricing.problem("error", "payment_declined", text)

    assert pricing.wording(entry) == text
    assert "values" not in entry


def test_the_template_is_translated_and_its_values_are_not() -> None:
    entry = pricing.problem(
        "error", "out_of_stock", "%(title)s is out of stock.", values={"title": "is out of stock."}
    )

    read = pricing.wording(entry, {"%(title)s is out of stock.": "Ausverkauft: %(title)s"}.__getitem__)

    assert read == "Ausverkauft: is out of stock."


def test_a_quote_keeps_template_and_values() -> None:
    """Whoever reads a stored quote later chooses the language."""
    products = {"item_mug": Product("item_mug", HOSTILE, 100, "usd", available=2)}
    parts = Fixed(products, [], {"li_1": LinePrice("li_1", 0, 0)}, 0)

    with plugged(catalog=parts, fulfillment=parts, pricing=parts):
        quote = pricing.price(
            [{"id": "li_1", "item_id": "item_mug", "quantity": 3}], currency="usd", fulfillment_details=None
        )

    few = json.loads(json.dumps(quote["problems"]))[0]
    assert few["content"] == "Only %(left)s of %(title)s can be bought."
    assert few["values"] == {"left": 2, "title": HOSTILE}
    assert f"Only 2 of {HOSTILE} can be bought." in str(quotation.problems(quote))
