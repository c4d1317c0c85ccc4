"""Many agents at the same instant, each with a database connection of its own."""

from __future__ import annotations

import fcntl
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from django.db import connections

WAIT_SECONDS = 60

Result = TypeVar("Result")


def at_once(count: int, act: Callable[[int], Result]) -> list[Result]:
    """`act(0)` to `act(count - 1)`, all let go at the same moment; their results in order."""
    gate = threading.Barrier(count)

    def one(number: int) -> Result:
        try:
            gate.wait(WAIT_SECONDS)
            return act(number)
        finally:
            connections.close_all()

    with _alone(), ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@contextmanager
def _alone() -> Iterator[None]:
    """One crowd on this machine at a time: a server has a hundred connections, not two hundred."""
    with (Path(tempfile.gettempdir()) / "agentic-crowd.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
