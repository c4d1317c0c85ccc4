"""How many requests there were in the last minute: exactly, for several counts at once.

A log of the last minute for each count, in `RATE_STORE`, shared by all workers; without one, or while
it is away, in each process. A request is admitted when every count has room, and counted in all of
them, or else in none, so that waiting as told is enough (AJ-061). Nothing here knows what is counted.
"""

from __future__ import annotations

import itertools
import logging
import math
import os
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from gateway.conf import conf
from gateway.throttling import LOG_SECONDS, PAUSE_SECONDS, TIMEOUT_SECONDS

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger("agentic.throttling")

WINDOW_SECONDS = 60
REMEMBERED = 10_000
"""Counts that one process keeps; which was longest silent is forgotten first."""

Counts = Sequence[tuple[str, int]]
"""The name of each count, and how many requests a minute it admits."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a request. `wait_seconds` is 0.0 when it was admitted."""

    remaining: int
    """How many more would be admitted now, by the strictest count."""
    reset_seconds: float
    """When the first of those that were counted there is forgotten."""
    wait_seconds: float = 0.0


class Windows(Protocol):
    def take(self, counts: Counts) -> Standing: ...


class OwnWindows:
    """The counts of this process. Threads may share it."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._kept: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    def take(self, counts: Counts) -> Standing:
        with self._lock:
            now = time.monotonic()
            seen = [(limit, self._log(name, now)) for name, limit in counts]
            # As many have to go as are too many, should the limit have been lowered meanwhile.
            waits = [
                entries[len(entries) - limit] + WINDOW_SECONDS - now
                for limit, entries in seen
                if len(entries) >= limit
            ]
            # A refusal makes no new count: made-up names would push those that refuse out.
            for (name, _), (_, entries) in () if waits else zip(counts, seen, strict=True):
                entries.append(now)
                self._kept[name] = entries
            remaining, reset = min(
                (max(0, limit - len(entries)), entries[0] + WINDOW_SECONDS - now if entries else 0.0)
                for limit, entries in seen
            )
            while len(self._kept) > self._remembered:
                self._kept.popitem(last=False)
            return Standing(remaining, reset, max(waits, default=0.0))

    def _log(self, name: str, now: float) -> deque[float]:
        entries = self._kept.get(name)
        if entries is None:
            return deque()
        self._kept.move_to_end(name)
        while entries and entries[0] <= now - WINDOW_SECONDS:
            entries.popleft()
        return entries


# By the clock of Redis, so that clocks of workers do not matter; in microseconds, which a double holds.
_TAKE = """
local told = redis.call('TIME')
local now = tonumber(told[1]) * 1000000 + tonumber(told[2])
local window = tonumber(ARGV[1])
local wait, remaining, reset = 0, nil, 0
local counted = {}
for place, key in ipairs(KEYS) do
  local limit = tonumber(ARGV[place + 2])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now - window))
  counted[place] = redis.call('ZCARD', key)
  if counted[place] >= limit then
    local last = redis.call('ZRANGE', key, counted[place] - limit, counted[place] - limit, 'WITHSCORES')
    wait = math.max(wait, tonumber(last[2]) + window - now)
  end
end
for place, key in ipairs(KEYS) do
  local limit = tonumber(ARGV[place + 2])
  if wait == 0 then
    redis.call('ZADD', key, string.format('%.0f', now), ARGV[2])
    redis.call('PEXPIRE', key, math.ceil(window / 1000) + 1000)
    counted[place] = counted[place] + 1
  end
  local left = math.max(0, limit - counted[place])
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  local frees = first[2] and tonumber(first[2]) + window - now or 0
  if remaining == nil or left < remaining or (left == remaining and frees < reset) then
    remaining, reset = left, frees
  end
end
return {remaining, string.format('%.0f', reset), string.format('%.0f', wait)}
"""


class SharedWindows:
    """The counts of all processes, in one Redis; while it is away, those of this process. Threads may
    share it."""

    def __init__(self, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        from redis import Redis, RedisError
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )
        self._failures = (RedisError, OSError)
        self._script = self._redis.register_script(_TAKE)
        self._own = OwnWindows()
        self._me = f"{os.getpid()}:{os.urandom(8).hex()}"
        self._numbers = itertools.count()
        self._ask_again = self._log_again = -math.inf

    def take(self, counts: Counts) -> Standing:
        """Never raises for Redis' sake."""
        now = time.monotonic()
        if now < self._ask_again:
            return self._own.take(counts)
        names = [f"agentic:window:{name}" for name, _ in counts]
        told = [
            WINDOW_SECONDS * 1_000_000,
            f"{self._me}:{next(self._numbers)}",
            *(most for _, most in counts),
        ]
        try:
            remaining, reset, wait = self._answer(names, told)
        except self._failures as problem:
            self._ask_again = time.monotonic() + PAUSE_SECONDS
            if now >= self._log_again:
                self._log_again = now + LOG_SECONDS
                log.error("each process counts alone: the rate store answers %s", type(problem).__name__)
            return self._own.take(counts)
        return Standing(int(remaining), int(reset) / 1e6, int(wait) / 1e6)

    def _answer(self, names: list[str], told: list[Any]) -> tuple[Any, Any, Any]:
        answer: Any = self._script(keys=names, args=told)
        return answer[0], answer[1], answer[2]


def take(counts: Counts) -> Standing:
    """One more request is admitted and counted in all of `counts`, or counted in none and told how long
    to wait. At least one count is needed."""
    return _windows().take(counts)


def forget() -> None:
    """Nothing was counted in this process, and the settings are read anew."""
    _windows.cache_clear()


@lru_cache(maxsize=1)
def _windows() -> Windows:
    store = conf().RATE_STORE
    return SharedWindows(store) if store else OwnWindows()
