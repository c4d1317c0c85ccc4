"""A few daemon threads beside the relay's loop, so that one slow effect does not hold up the others.

Daemon threads on purpose (not a ThreadPoolExecutor, whose threads the interpreter waits for):
a web worker that is told to stop does not wait for a provider; leases keep that right.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from django.db import close_old_connections, connections

from gateway.delivery import origin

log = logging.getLogger("agentic.relay")

IDLE_SECONDS = 5.0
"""A thread without work for so long ends and gives its database connection back."""


class Lanes:
    """At most `count` jobs at a time, each under a name that is not run twice at once."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._jobs: deque[tuple[str, Callable[[], object]]] = deque()
        self._busy: set[str] = set()
        self._threads = 0
        self._ending = False
        self._changed = threading.Condition()

    def busy(self, name: str) -> bool:
        """A job of that name has been submitted and has not ended."""
        with self._changed:
            return name in self._busy

    def submit(self, name: str, job: Callable[[], object], timeout: float = 0.0) -> bool:
        """The job runs in a lane as soon as this returns; False when none got free in time, or
        when one of that name still runs. What the job raises is logged, without its text."""
        with self._changed:
            if name in self._busy:
                return False
            if not self._changed.wait_for(lambda: len(self._busy) < self._count, timeout):
                return False
            self._busy.add(name)
            self._jobs.append((name, job))
            self._changed.notify_all()
            if self._threads < len(self._busy):
                self._threads += 1
                threading.Thread(target=self._work, name="agentic-lane", daemon=True).start()
        return True

    def end(self, timeout: float) -> bool:
        """Every submitted job has ended, and so have the threads; False when some did not in time."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._threads, timeout)

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            name, job = taken
            try:
                close_old_connections()
                job()
            except Exception as problem:
                log.error("%s ended with %s", name, origin(problem))
            finally:
                with self._changed:
                    self._busy.discard(name)
                    self._changed.notify_all()

    def _take(self) -> tuple[str, Callable[[], object]] | None:
        """The next job, or None after idling: this thread has then given back its connection
        and no longer counts."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._ending, IDLE_SECONDS)
            if self._jobs:
                return self._jobs.popleft()
            connections.close_all()
            self._threads -= 1
            self._changed.notify_all()
            return None
