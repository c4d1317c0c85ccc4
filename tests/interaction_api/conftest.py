from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import agents
from gateway.shop import demo
from tests.interaction_api import trails
from tests.visitors import Visitor


@pytest.fixture
def shop(transactional_db: None) -> None:
    """The demo shop. Services demand that no transaction is open."""
    demo.load()
    agents.load_demo()


@pytest.fixture
def visitor(shop: None) -> Visitor:
    """An agent without a session."""
    return Visitor()


@pytest.fixture
def audit_keys_file(tmp_path: Path) -> Iterator[Path]:
    """Audit trails are kept, and signed with the keys in this file."""
    with trails.kept(tmp_path) as path:
        yield path
