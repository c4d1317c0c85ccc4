"""Links that lead nowhere, counted for each address (reliability-security T41, T44).

A guess is one of 2^256, so nobody needs this to be exact: it keeps who tries from costing us much,
and tells an operator. Only what missed is ever refused; a right link is opened whatever its address
did. In `RATE_STORE` where there is one, else for each process; where counting fails, nobody is
refused.
"""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import Protocol

from django.http import HttpRequest, HttpResponse

from gateway import addresses, keys
from gateway.conf import conf
from gateway.person import ends
from gateway.person.ends import End
from gateway.throttling import Limiter

log = logging.getLogger("agentic.person")

KIND = "missed_link"
PER_MINUTE = 20
PURPOSE = "address that misses links"
REMEMBERED = 10_000
"""Addresses that one process keeps; who was longest silent is forgotten first."""


class Buckets(Protocol):
    def wait(self, owner: str, kind: str) -> float: ...


class OwnBuckets:
    """Token buckets of this process, as `throttling.Limiter` has them for all. Threads may share it."""

    def __init__(self, per_minute: int = PER_MINUTE, remembered: int = REMEMBERED) -> None:
        self._burst, self._rate, self._remembered = float(per_minute), per_minute / 60, remembered
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def wait(self, owner: str, kind: str) -> float:
        """0.0 when it is admitted and counted; else the seconds until one would be."""
        with self._lock:
            now = time.monotonic()
            tokens, at = self._kept.pop(owner, (self._burst, now))
            tokens = min(self._burst, tokens + (now - at) * self._rate)
            wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
            self._kept[owner] = (tokens if wait else tokens - 1, now)
            if len(self._kept) > self._remembered:
                self._kept.popitem(last=False)
            return wait


def told(request: HttpRequest, end: Callable[[HttpRequest, End], HttpResponse]) -> HttpResponse:
    """The page for a link that is none of ours, made by `end`. Too many of those from one address are
    told to wait."""
    seconds = missed(request)
    response = end(request, ends.TOO_MANY_MISSES if seconds else ends.UNKNOWN)
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    return response


def missed(request: HttpRequest) -> int:
    """One more link of the request's address leads nowhere: 0, or after too many the seconds until
    it may miss again."""
    address = addresses.of(request)
    if not address:
        return 0
    seconds = _buckets().wait(keys.digest(address.encode(), PURPOSE), KIND)
    if seconds <= 0:
        return 0
    log.info("an address opens too many links that lead nowhere")
    return math.ceil(seconds)


def forget() -> None:
    """Nothing has been counted in this process, and the settings are read anew."""
    _buckets.cache_clear()


@lru_cache(maxsize=1)
def _buckets() -> Buckets:
    store = conf().RATE_STORE
    return Limiter(store, {KIND: (PER_MINUTE, PER_MINUTE)}) if store else OwnBuckets()
