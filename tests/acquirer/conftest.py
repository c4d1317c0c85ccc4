from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acquirer.process import Acquirer


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Acquirer]:
    """One process for a file of tests; each test makes charges of its own."""
    with Acquirer(tmp_path_factory.mktemp("acquirer")) as acquirer:
        yield acquirer


@pytest.fixture
def acquirer(running: Acquirer) -> Acquirer:
    """It is well when a test begins."""
    running.control()
    return running
