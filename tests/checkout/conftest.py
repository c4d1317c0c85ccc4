from __future__ import annotations

import pytest

from gateway.shop import demo


@pytest.fixture
def shop(transactional_db: None) -> None:
    demo.load()
