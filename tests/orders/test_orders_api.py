"""`GET orders/{id}`: there only where a setting says so, and the owner's alone (ACP-232, T01)."""

from __future__ import annotations

from typing import Any

import pytest

from checkout import refunds, shipments
from checkout.models import Order
from schemas import facade
from tests.agents import PlayedAgent
from tests.orders.conftest import lines, relayed, wired


@pytest.fixture
def switched_on(settings: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "ORDERS_API": True}


def services(agent: PlayedAgent) -> list[str]:
    found: list[str] = agent.http.get("/.well-known/acp.json").json()["capabilities"]["services"]
    return found


@pytest.mark.requirement("ACP-232")
def test_it_is_off_unless_switched_on(agent: PlayedAgent, order: Order) -> None:
    nothing = agent.get("/nothing/here")

    for answer in (
        agent.get(f"/orders/{order.pk}"),
        agent.get(f"/orders/{order.pk}", Authorization=None),
        agent.post(f"/orders/{order.pk}", {}),
    ):
        assert (answer.status_code, answer.json()) == (404, nothing.json())
    assert "orders" not in services(agent)


@pytest.mark.requirement("ACP-232", "ACP-231")
def test_the_owner_sees_what_the_events_tell(agent: PlayedAgent, order: Order, switched_on: None) -> None:
    mugs, _ = lines(order)
    shipments.ship(order.pk, key="p1", lines={mugs: 1})
    refunds.request(order.pk, key="r1", amount=300)
    relayed()

    answer = agent.get(f"/orders/{order.pk}")

    assert answer.status_code == 200
    assert answer.json() == wired(order)
    assert facade.validator("Order").violations(answer.json()) == []
    assert (
        answer.json()["order_number"] == order.number == answer.json()["confirmation"]["confirmation_number"]
    )
    assert agent.get(f"/checkout_sessions/{order.session_id}").json()["order"] == answer.json()
    assert "orders" in services(agent)
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_foreign_order_is_like_none(agent: PlayedAgent, order: Order, switched_on: None) -> None:
    other = PlayedAgent("other-agent-key")
    foreign, unknown, odd = (
        other.get(f"/orders/{name}") for name in (order.pk, "ord_" + "0" * 32, "4242424242424242")
    )

    assert foreign.status_code == unknown.status_code == odd.status_code == 404
    assert foreign.content == unknown.content == odd.content
    assert foreign.json()["code"] == "not_found"
    assert agent.get(f"/orders/{order.pk}", Authorization=None).status_code == 401
    assert agent.get(f"/orders/{order.pk}", **{"API-Version": None}).status_code == 400
    assert agent.post(f"/orders/{order.pk}", {}).status_code == 405


@pytest.mark.requirement("ACP-231")
def test_the_buyer_reads_where_to_ask_and_when_it_comes(
    agent: PlayedAgent, order: Order, settings: Any
) -> None:
    faq = {"type": "faq", "url": "https://shop.example/faq"}
    support = {"type": "support", "url": "https://shop.example/help"}
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "LINKS": (faq, support)}
    order.quote["options"] = [
        {**entry, "earliest": "2026-07-02T00:00:00Z", "latest": "2026-07-04T00:00:00Z"}
        for entry in order.quote["options"]
    ]
    order.client_reference = "po-7"
    order.save()

    body = wired(order)

    assert body["support"] == {"help_center_url": "https://shop.example/help"}
    assert body["estimated_delivery"] == {
        "earliest": "2026-07-02T00:00:00Z",
        "latest": "2026-07-04T00:00:00Z",
    }
    assert body["client_reference_id"] == "po-7"
