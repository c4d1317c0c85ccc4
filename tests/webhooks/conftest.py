from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway import delivery
from gateway.models import Agent, WebhookEndpoint
from gateway.webhooks import endpoints
from tests.agents import PlayedAgent
from tests.operators import open_shop
from tests.webhooks.receiver import Receiver, receiving


@pytest.fixture
def agent(transactional_db: None) -> PlayedAgent:
    return open_shop()


@pytest.fixture
def row(agent: PlayedAgent) -> Agent:
    return Agent.objects.get(name="Demo agent")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as playing:
        yield playing


@pytest.fixture
def allow(settings: Any) -> Callable[..., None]:
    """These receivers may be sent to, and these settings are in force."""

    def let(*receivers: Receiver, **changed: Any) -> None:
        here = tuple(f"127.0.0.1:{one.port}" for one in receivers) or settings.AGENTIC_GATEWAY.get(
            "EGRESS_LOOPBACK", ()
        )
        settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "EGRESS_LOOPBACK": here, **changed}

    return let


@pytest.fixture
def endpoint(row: Agent, receiver: Receiver, allow: Callable[..., None]) -> WebhookEndpoint:
    """The demo agent is told at `receiver`, which knows the secret."""
    allow(receiver)
    return told_at(row, receiver)


def told_at(agent: Agent, receiver: Receiver) -> WebhookEndpoint:
    made, receiver.secret = endpoints.add(agent, receiver.url)
    return made


def buy(agent: PlayedAgent, **members: Any) -> dict[str, Any]:
    """A new order, as its agent sees it."""
    answer = agent.complete(agent.ready(**members))
    assert answer.status_code == 200, answer.content
    order: dict[str, Any] = answer.json()["order"]
    return order


def relayed(rounds: int = 20) -> None:
    """Everything due now was done, and what became due by it."""
    for _ in range(rounds):
        if not delivery.due_ids(1):
            return
        delivery.deliver_due()


class Clock:
    """Time goes on as it does, and leaps when a test says so, for all that waits. Signatures have the
    receiver's own time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead = timedelta()
        monkeypatch.setattr("django.utils.timezone.now", lambda: self.now)

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def passes(self, **spans: float) -> None:
        self._ahead += timedelta(**spans)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


__all__ = ["Clock", "buy", "relayed", "told_at"]
