"""How fast one agent may ask: a token bucket for each agent and class of request, in Redis, shared by
all workers (reliability-security 1.4, T82, T83; ACP-024).

Without `RATE_STORE` nobody is limited here. A Redis that is down or slow limits nobody either: it
is left alone for a moment and then asked again. What must hold always (codes, keys) is counted in
the database instead. The agent is its key, never an address or a header.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gateway.conf import conf
from gateway.errors import RateLimited

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger("agentic.throttling")

READ, WRITE, MONEY, OTP, CARDS = "read", "write", "money", "otp", "cards"
"""Retrieve; create, update and cancel; complete; an update that answers an intervention; whatever
brings the number of a card, which is how numbers are tried out."""

LIMITS: Mapping[str, tuple[int, int]] = {
    READ: (12_000, 400),
    WRITE: (6_000, 200),
    MONEY: (3_000, 100),
    OTP: (600, 60),
    CARDS: (600, 60),
}
"""Requests a minute for each agent, and how many of them at once. `RATE_LIMITS` replaces some."""

TIMEOUT_SECONDS = 0.05
PAUSE_SECONDS = 1.0
"""A Redis that failed is not asked for so long: waiting for it would cost every request its timeout."""
LOG_SECONDS = 60.0

# By the clock of Redis, so that clocks of workers do not matter. The key goes when the bucket is full.
_TAKE = """
local now = redis.call('TIME')
local at = tonumber(now[1]) + tonumber(now[2]) / 1000000
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(kept[1] or burst)
local since = math.max(0, at - tonumber(kept[2] or at))
tokens = math.min(burst, tokens + since * rate)
local wait = 0
if tokens >= 1 then tokens = tokens - 1 else wait = (1 - tokens) / rate end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.6f', at))
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
return string.format('%.6f', wait)
"""


class Limiter:
    """Buckets in one Redis. `limits` as in LIMITS. Threads may share it."""

    def __init__(
        self, url: str, limits: Mapping[str, tuple[int, int]], *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        from redis import Redis, RedisError
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._limits = limits
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )
        self._failures = (RedisError, OSError)
        self._take = self._redis.register_script(_TAKE)
        self._ask_again = self._log_again = -math.inf

    def wait(self, owner: str, kind: str) -> float:
        """0.0 when the request is admitted and counted; else the seconds until one would be.

        Never raises for Redis' sake: 0.0 then.
        """
        now = time.monotonic()
        if now < self._ask_again:
            return 0.0
        minute, burst = self._limits[kind]
        try:
            answer: Any = self._take(keys=[f"agentic:rate:{kind}:{owner}"], args=[minute / 60, burst])
        except self._failures as problem:
            self._ask_again = time.monotonic() + PAUSE_SECONDS
            if now >= self._log_again:
                self._log_again = now + LOG_SECONDS
                log.error("nobody is limited: the rate store answers %s", type(problem).__name__)
            return 0.0
        return float(answer)


def check(owner: str, kind: str) -> None:
    """One more request of the owner is admitted, or RateLimited says when it would be."""
    limiter = _limiter()
    if limiter is None:
        return
    seconds = limiter.wait(owner, kind)
    if seconds > 0:
        raise RateLimited(retry_after=math.ceil(seconds))


def limits() -> Mapping[str, tuple[int, int]]:
    """The limits in force."""
    return {**LIMITS, **{kind: (limit[0], limit[1]) for kind, limit in conf().RATE_LIMITS.items()}}


def forget() -> None:
    """The settings are read anew, and the store is asked again."""
    _limiter.cache_clear()


@lru_cache(maxsize=1)
def _limiter() -> Limiter | None:
    store = conf().RATE_STORE
    return Limiter(store, limits()) if store else None
