from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.aauth.person_server import asking
from tests.aauth.person_server.desk import Desk, opened


@pytest.fixture
def desk(transactional_db: None, monkeypatch: Any) -> Iterator[Desk]:
    """A person server that asks nobody, and writes down what it would have asked."""
    with opened() as desk:
        monkeypatch.setattr(asking, "begin", desk.begin)
        yield desk
