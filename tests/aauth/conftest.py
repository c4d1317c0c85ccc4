from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway import agents
from gateway.shop import demo
from tests.aauth.agents import SignedAgent
from tests.aauth.person_server.consents import asker  # noqa: F401  (fixture)
from tests.aauth.persons import counter, signing  # noqa: F401  (fixtures)


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
