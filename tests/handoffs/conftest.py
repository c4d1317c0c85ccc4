from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway import agents
from gateway.shop import demo
from tests.agents import PlayedAgent
from tests.bank import Wire, banked, provider


@pytest.fixture(autouse=True)
def shop(transactional_db: None) -> None:
    """The demo shop and its two agents. Services demand that no transaction is open."""
    demo.load()
    agents.load_demo()


@pytest.fixture
def agent() -> PlayedAgent:
    return PlayedAgent()


@pytest.fixture
def wire() -> Iterator[Wire]:
    """The sandbox's cards were issued by the sandbox bank, which answers."""
    made = Wire()
    with banked(provider(made)):
        yield made
