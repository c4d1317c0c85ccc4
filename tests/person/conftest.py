from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail

from gateway import agents, delivery
from gateway.shop import demo
from tests.agents import ADDRESS, BUYER, PlayedAgent
from tests.people import Person

OTP = {"interventions": {"supported": ["otp"]}}
DETAILS = {"address": ADDRESS, "email": "ada@example.com"}


@pytest.fixture
def shop(transactional_db: None) -> None:
    """The demo shop and its two agents. Services demand that no transaction is open."""
    demo.load()
    agents.load_demo()


@pytest.fixture
def agent(shop: None) -> PlayedAgent:
    return PlayedAgent()


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def sneakers(agent: PlayedAgent) -> dict[str, Any]:
    """A session that waits for a one-time code."""
    return agent.create("item_sneakers", capabilities=OTP, fulfillment_details=DETAILS, buyer=BUYER)


def code_in_mail() -> str:
    """What the buyer reads, once the relay has delivered it."""
    delivery.deliver_due()
    found = re.findall(r"\b\d{6}\b", mail.outbox[-1].body)
    assert len(found) == 1
    return found[0]


def wrong(code: str, by: int = 1) -> str:
    return f"{(int(code) + by) % 1_000_000:06d}"
