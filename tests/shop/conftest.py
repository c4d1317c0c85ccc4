from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.shop import tables


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """Tables kept from one test's transaction must not price the next one's basket."""
    tables.forget()
    yield
    tables.forget()
