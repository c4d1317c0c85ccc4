"""Orders that were bought by an agent, and what it hears of them."""

from __future__ import annotations

from typing import Any

import pytest

from checkout import settlement
from checkout.models import Order
from checkout.ports import Refunded
from gateway import delivery
from gateway.acp import events
from gateway.models import OutboxMessage
from schemas import facade
from tests.agents import PlayedAgent
from tests.operators import open_shop


@pytest.fixture
def agent(transactional_db: None) -> PlayedAgent:
    return open_shop()


@pytest.fixture
def order(agent: PlayedAgent) -> Order:
    """Two mugs and a notebook, paid and captured."""
    return taken(buy(agent, {"id": "item_mug", "quantity": 2}, "item_notebook"))


def buy(agent: PlayedAgent, *items: Any, **members: Any) -> Order:
    """An order whose money is authorized."""
    session = agent.ready(*items, **members)
    answer = agent.complete(session)
    assert answer.json()["status"] == "completed", answer.content
    return Order.objects.get(session=session["id"])


def taken(order: Order) -> Order:
    settlement.capture(order.payment_id)
    order.refresh_from_db()
    return order


def relayed(rounds: int = 20) -> None:
    """Everything due now was done, and what became due by it."""
    for _ in range(rounds):
        if not delivery.due_ids(1):
            return
        delivery.deliver_due()


def wired(order: Order) -> dict[str, Any]:
    """The order as its agent hears of it now: valid, whatever happened to it (ACP-113)."""
    event = events.of_order("order_update", Order.objects.select_related("session").get(pk=order.pk))
    assert facade.validator("WebhookEvent").violations(event) == []
    data: dict[str, Any] = event["data"]
    return data


def told(order: Order) -> list[int]:
    """The numbers of the events that the order's agent was to hear."""
    rows = OutboxMessage.objects.filter(kind="checkout.order_event", payload__order=order.pk)
    return sorted(row.payload["sequence"] for row in rows)


def lines(order: Order) -> tuple[str, str]:
    """The ids of the mugs' line and of the notebook's."""
    mugs, notebook = (line["id"] for line in order.quote["lines"])
    return mugs, notebook


def sum_of(body: dict[str, Any], kind: str) -> int | None:
    return next((entry["amount"] for entry in body["totals"] if entry["type"] == kind), None)


class Provider:
    """Answers refunds as a test says; everything else is the sandbox's."""

    def __init__(self, real: Any, *answers: Refunded | Exception) -> None:
        self._real = real
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def refund(self, attempt: Any, reference: str, *, amount: int, key: str) -> Refunded:
        self.asked.append((key, amount))
        answer = self.answers.pop(0) if self.answers else Refunded(f"re_{key}")
        if isinstance(answer, Exception):
            raise answer
        return answer
