from __future__ import annotations

import pytest

from gateway import agents
from gateway.shop import demo


@pytest.fixture
def shop(transactional_db: None) -> None:
    """The demo shop and its two agents. Services demand that no transaction is open."""
    demo.load()
    agents.load_demo()
