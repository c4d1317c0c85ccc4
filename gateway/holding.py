"""How many requests this process holds open at a time, of any kind (decision 34).

A held request keeps its thread. Over the cap nobody is refused: whoever wanted to wait is answered at
once, or asks again every few seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.conf import conf

_lock = threading.Lock()
_held = 0


@contextmanager
def place() -> Iterator[bool]:
    """Meanwhile one of the places is taken; False: there was none, and nothing may be held."""
    granted = _take()
    try:
        yield granted
    finally:
        if granted:
            _give_back()


def held() -> int:
    """How many requests this process holds now."""
    return _held


def _take() -> bool:
    global _held
    with _lock:
        if _held >= conf().AAUTH_WAITING:
            return False
        _held += 1
        return True


def _give_back() -> None:
    global _held
    with _lock:
        _held -= 1
