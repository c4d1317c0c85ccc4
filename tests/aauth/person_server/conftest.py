from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.aauth.person_server import asking
from tests.aauth.person_server.accounts import OwnAgent, having_accounts, someone
from tests.aauth.person_server.desk import Desk, opened


@pytest.fixture
def desk(transactional_db: None, monkeypatch: Any) -> Iterator[Desk]:
    """A person server that asks nobody, and writes down what it would have asked."""
    with opened() as desk:
        monkeypatch.setattr(asking, "begin", desk.begin)
        yield desk


@pytest.fixture
def agent(counter: None) -> Iterator[OwnAgent]:
    """The shop is a person server, and has heard of this agent's token."""
    with having_accounts(OwnAgent()) as agent:
        yield agent


@pytest.fixture
def ada(agent: OwnAgent) -> str:
    return someone()
