"""A payment provider that does not answer is left alone for a while, so that it takes no worker with it.

Each process counts for itself. After so many calls in a row without an answer nothing new begins, and
what is under way hears at once what it would have waited for: that the outcome is unknown. Then, once
every `seconds`, one call goes through on trial; the first answer ends it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from checkout.errors import NothingBegun, ProviderUnavailable

log = logging.getLogger("agentic.payments")


class Breaker:
    def __init__(self, failures: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = failures
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._next_trial: float | None = None
        self._on_trial = ""

    @property
    def open(self) -> bool:
        """The provider is left alone."""
        return self._next_trial is not None

    def admit(self, attempt_id: str) -> None:
        """A new attempt may begin, on trial if need be: then its call goes through, and no other
        meanwhile. Raises NothingBegun while the provider is left alone."""
        if not self._passes(attempt_id):
            raise NothingBegun

    @contextmanager
    def call(self, attempt_id: str) -> Any:
        """The call inside counts. Raises ProviderUnavailable without one while the provider is left alone."""
        if not self._passes(attempt_id):
            raise ProviderUnavailable
        try:
            yield
        except ProviderUnavailable:
            self._failed()
            raise
        self._answered()

    def _passes(self, attempt_id: str) -> bool:
        with self._lock:
            if self._next_trial is None or self._on_trial == attempt_id:
                return True
            now = self._clock()
            if now < self._next_trial:
                return False
            self._next_trial = now + self._seconds
            self._on_trial = attempt_id
            return True

    def _failed(self) -> None:
        with self._lock:
            self._failures += 1
            self._on_trial = ""
            if self._failures < self._most:
                return
            opened = self._next_trial is None
            self._next_trial = self._clock() + self._seconds
        if opened:
            log.error("the payment provider gave no answer %s times in a row and is left alone", self._most)

    def _answered(self) -> None:
        with self._lock:
            closed = self._next_trial is not None
            self._failures, self._next_trial, self._on_trial = 0, None, ""
        if closed:
            log.warning("the payment provider answers again")
