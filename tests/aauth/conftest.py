from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from gateway import agents, authentication
from gateway.shop import demo
from tests.aauth import parked
from tests.aauth.agents import SignedAgent
from tests.aauth.parked import NamedAgent

if TYPE_CHECKING:
    from pytest_django import Settings


@pytest.fixture
def shop(transactional_db: None) -> None:
    """The demo shop and its two agents. Services demand that no transaction is open."""
    demo.load()
    agents.load_demo()


@pytest.fixture
def signer(shop: None) -> Iterator[SignedAgent]:
    """An agent with an identity, whose issuer is pinned."""
    with SignedAgent() as agent:
        yield agent


@pytest.fixture
def named(shop: None, settings: Settings) -> Iterator[NamedAgent]:
    """The demo shop, AAuth, and an agent that can bring its person."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AAUTH": True}
    before = authentication._signatures
    parked.believe()
    yield NamedAgent()
    authentication.plug(before)
