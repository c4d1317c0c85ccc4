"""The buyer's page of an order after the purchase: what became of it, and nothing that opens anything."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from checkout import adjustments, cancellations, orders, refunds, shipments
from checkout.models import Order
from tests.agents import PlayedAgent
from tests.orders.conftest import buy, lines, relayed, taken


def read(order: Order) -> str:
    answer = Client().get(f"/agentic/orders/{order.pk}")
    assert answer.status_code == 200
    return answer.text


@pytest.fixture
def story(order: Order) -> Order:
    mugs, notebook = lines(order)
    shipments.ship(
        order.pk,
        key="p1",
        lines={mugs: 1},
        carrier="DHL",
        tracking_number="00340",
        tracking_url="https://tracking.example:8443/p/00340?a=1&b=2",
        occurred_at=datetime(2026, 5, 1, 9, 30, tzinfo=UTC),
    )
    cancellations.cancel_lines(order.pk, {notebook: 1}, key="c1", amount=300, description="Sold out")
    shipments.ship(
        order.pk,
        key="p2",
        lines={mugs: 1},
        type="digital",
        license_key="AAAA-SECRET",
        access_url="https://files.example/secret",
    )
    relayed()
    return order


def test_the_page_tells_what_became_of_the_order(story: Order) -> None:
    page = read(story)

    for told in (
        "Status: on its way",
        "Parcel: sent",
        "1 x Stoneware Mug",
        "Carrier: DHL",
        "Tracking number: 00340",
        "Follow the parcel at tracking.example:8443",
        "1 May 2026, 09:30 UTC",
        "Cancellation (done): 1 x Dotted Notebook",
        "Refund, 3.00 USD (done)",
        "Refunded: 3.00 USD",
    ):
        assert told in re.sub(r"<[^>]+>", "", page), told
    link = re.search(r"<a [^>]*tracking\.example[^>]*>", page)
    assert link is not None
    assert 'href="https://tracking.example:8443/p/00340?a=1&amp;b=2"' in link[0]
    assert "noopener" in link[0]
    assert "noreferrer" in link[0]


def test_it_opens_nothing(story: Order) -> None:
    """T08: whoever has the link sees it."""
    page = read(story)

    for secret in ("AAAA-SECRET", "files.example", "Market Street", "Lovelace", story.payment_id, "refunds"):
        assert secret not in page


def test_it_is_german_where_the_buyer_is(agent: PlayedAgent) -> None:
    order = taken(buy(agent, locale="de"))
    shipments.ship(order.pk, key="p1", tracking_url="https://tracking.example/1")
    refunds.request(order.pk, key="r1", amount=300)

    text = re.sub(r"<[^>]+>", "", read(order))

    for told in (
        ": unterwegs",
        "Paket: versandt",
        "Sendung verfolgen bei",
        "Erstattung, 3,00 USD (läuft)",
    ):
        assert told in text, told
    assert "Erstattet:" not in text


def test_words_nobody_knows_are_text(order: Order) -> None:
    orders.marked(order.pk, "waiting")
    adjustments.add(order.pk, type="goodwill", key="a1", status="mailed", description="<b>sorry</b>")

    page = read(order)

    assert "Status: waiting" in page
    assert "goodwill (mailed)" in page
    assert "<b>sorry</b>" not in page
    assert "&lt;b&gt;sorry" in page


def test_a_page_without_a_story_is_as_it_was(order: Order) -> None:
    page = read(order)

    assert "Status: confirmed" in page
    assert "<h2>Changes" not in page
    assert "<h2>Delivery" not in page
