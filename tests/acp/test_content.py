"""What else a line item tells about its product (ACP-068, ACP-069), and Markdown in it (section Z)."""

from __future__ import annotations

from typing import Any

import pytest

from checkout.content import Content
from gateway.shop.models import Product
from tests.agents import ADDRESS, PlayedAgent

EVERYTHING: Content = {
    "disclosures": [
        {"content_type": "markdown", "content": "**Hot.** See <https://shop.example/hot>."},
        {"content_type": "plain", "content": "<b>As it is.</b>"},
    ],
    "custom_attributes": [{"display_name": "Material", "value": "Clay"}],
    "variant_options": [{"name": "Colour", "value": "Blue"}],
    "product_id": "mug",
    "variant_id": "mug-blue",
    "marketplace_seller_details": {"name": "The Potters"},
    "weight": {"value": 350.5, "unit": "g"},
    "dimensions": {"length": 10, "width": 8.5, "height": 9, "unit": "cm"},
    "fulfillable_on": "2027-01-31T09:00:00Z",
    "availability_status": "pre_order",
    "quantity_shown": True,
    "tax_exempt": True,
    "tax_exemption_reason": "A book by law.",
}

OPTIONAL = {
    "disclosures",
    "custom_attributes",
    "variant_options",
    "variant_id",
    "marketplace_seller_details",
    "weight",
    "dimensions",
    "fulfillable_on",
    "available_quantity",
    "tax_exempt",
    "tax_exemption_reason",
    "parent_id",
}


def line_of(agent: PlayedAgent, content: Content, **columns: Any) -> dict[str, Any]:
    Product.objects.filter(pk="item_mug").update(content=content, **columns)
    line: dict[str, Any] = agent.create("item_mug", fulfillment_details={"address": ADDRESS})["line_items"][0]
    return line


@pytest.mark.requirement("ACP-068", "ACP-069")
def test_every_member_that_a_shop_has_is_shown(agent: PlayedAgent) -> None:
    line = line_of(agent, EVERYTHING, available=7)

    told = {
        name: value for name, value in EVERYTHING.items() if name not in ("disclosures", "quantity_shown")
    }
    assert {name: line[name] for name in told} == told
    assert line["disclosures"] == [{"type": "disclaimer", **entry} for entry in EVERYTHING["disclosures"]]
    assert line["available_quantity"] == 7
    assert line["item"]["id"] == "item_mug"
    assert {entry["type"]: entry["amount"] for entry in line["totals"]}["tax"] == 0


@pytest.mark.requirement("ACP-069")
def test_what_has_no_value_is_absent(agent: PlayedAgent) -> None:
    line = line_of(agent, {})

    assert not OPTIONAL & set(line)
    assert line["product_id"] == "item_mug"
    assert line["availability_status"] == "in_stock"


@pytest.mark.requirement("ACP-069")
@pytest.mark.parametrize(
    ("available", "said", "shown"),
    [
        (0, "backorder", "out_of_stock"),
        (3, "backorder", "backorder"),
        (None, "pre_order", "pre_order"),
        (3, None, "low_stock"),
    ],
)
def test_availability(agent: PlayedAgent, available: int | None, said: Any, shown: str) -> None:
    """Sold out is sold out, whatever the merchant promises."""
    line = line_of(agent, {"availability_status": said} if said else {}, available=available)

    assert line["availability_status"] == shown


@pytest.mark.requirement("ACP-069")
def test_a_quantity_that_is_not_counted_is_not_shown(agent: PlayedAgent) -> None:
    assert "available_quantity" not in line_of(agent, {"quantity_shown": True}, available=None)


@pytest.mark.requirement("ACP-288", "ACP-289", "ACP-291")
def test_html_goes_out_as_plain_text(agent: PlayedAgent) -> None:
    """It came past the admin, from a part of the merchant's, say: shown as what it is."""
    html = "Read **this**: <script>alert(1)</script>"

    (shown,) = line_of(agent, {"disclosures": [{"content_type": "markdown", "content": html}]})["disclosures"]

    assert shown == {"type": "disclaimer", "content_type": "plain", "content": html}


@pytest.mark.requirement("ACP-068")
def test_what_goes_off_the_shelf_keeps_its_disclosures(agent: PlayedAgent) -> None:
    session = agent.create("item_candle")
    Product.objects.filter(pk="item_candle").update(active=False)

    line = agent.update(session, {"fulfillment_details": {"address": ADDRESS}})["line_items"][0]

    assert line["availability_status"] == "out_of_stock"
    assert line["disclosures"] == session["line_items"][0]["disclosures"]
    assert line["disclosures"][0]["content_type"] == "markdown"


@pytest.mark.requirement("ACP-069")
def test_the_demo_shop_has_a_product_with_attributes(agent: PlayedAgent) -> None:
    line = agent.create("item_backpack")["line_items"][0]

    assert line["custom_attributes"][0] == {"display_name": "Material", "value": "Recycled nylon"}
    assert (line["product_id"], line["variant_id"]) == ("backpack", "backpack-moss")
