"""Signatures that verify nothing, counted for each address, so that nobody has us verify without end.

Only whoever brings a token that is not known here is held back: agents that were verified before go on,
also behind an address that somebody misuses.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from threading import Lock

from django.http import HttpRequest

from gateway import addresses, keys, windows
from gateway.errors import RateLimited

PER_MINUTE = 60
PURPOSE = "address of unverified signatures"
REMEMBERED = 10_000

_lock = Lock()
_paused: OrderedDict[str, float] = OrderedDict()


def check(request: HttpRequest) -> None:
    """Raises RateLimited while the request's address has had too many signatures that verify nothing."""
    with _lock:
        seconds = _paused.get(_whose(request), 0.0) - time.monotonic()
    if seconds > 0:
        raise RateLimited(retry_after=math.ceil(seconds))


def missed(request: HttpRequest) -> None:
    """One more of them came from there. Raises RateLimited when these are too many."""
    whose = _whose(request)
    seconds = windows.take([(f"aauth:missed:{whose}", PER_MINUTE)]).wait_seconds
    if seconds <= 0:
        return
    with _lock:
        _paused[whose] = time.monotonic() + seconds
        _paused.move_to_end(whose)
        while len(_paused) > REMEMBERED:
            _paused.popitem(last=False)
    raise RateLimited(retry_after=math.ceil(seconds))


def forget() -> None:
    """Nobody missed anything in this process. For changed settings, and for tests."""
    with _lock:
        _paused.clear()


def _whose(request: HttpRequest) -> str:
    return keys.digest(addresses.of(request).encode(), PURPOSE)
