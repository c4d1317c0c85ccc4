from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.wallet.process import Wallet


@pytest.fixture(scope="module")
def wallet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wallet]:
    """One process for a file of tests; each test confirms something of its own."""
    with Wallet(tmp_path_factory.mktemp("wallet")) as running:
        yield running
