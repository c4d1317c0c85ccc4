from __future__ import annotations

import pytest

from gateway import agents
from gateway.shop import demo
from tests.agents import PlayedAgent


@pytest.fixture
def shop(transactional_db: None) -> None:
    """The demo shop and its two agents. Services demand that no transaction is open."""
    demo.load()
    agents.load_demo()


@pytest.fixture
def agent(shop: None) -> PlayedAgent:
    return PlayedAgent()


@pytest.fixture
def other(shop: None) -> PlayedAgent:
    """A second agent, with a key of its own."""
    return PlayedAgent("other-agent-key")
