from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from gateway import agents, authentication
from gateway.shop import demo
from tests.aauth.waiting import played
from tests.aauth.waiting.played import NamedAgent

if TYPE_CHECKING:
    from pytest_django import Settings


@pytest.fixture
def named(transactional_db: None, settings: Settings) -> Iterator[NamedAgent]:
    """The demo shop, AAuth, and an agent that can bring its person."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AAUTH": True}
    demo.load()
    agents.load_demo()
    before = authentication._signatures
    played.believe()
    yield NamedAgent()
    authentication.plug(before)
