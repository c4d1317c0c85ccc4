"""Idempotency keys as Stripe keeps them: replayed, held against the request, and busy while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.stripe_double.answers import Answer


@dataclass
class Keys:
    lock: threading.Lock = field(default_factory=threading.Lock)
    kept: dict[str, tuple[object, int, str]] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)

    def run(
        self, key: str, asked: object, work: Callable[[], tuple[int, str, bool]]
    ) -> tuple[int, str, bool]:
        """The status, the text and whether it is a replay. `work` says besides whether it is to be kept."""
        if not key:
            status, text, _ = work()
            return status, text, False
        with self.lock:
            if key in self.busy:
                raise Answer(409, type="idempotency_error", code="idempotency_key_in_use", message="In use")
            if key in self.kept:
                before, status, text = self.kept[key]
                if before != asked:
                    raise Answer(400, type="idempotency_error", message="Keys for idempotent requests...")
                return status, text, True
            self.busy.add(key)
        try:
            status, text, keep = work()
            if keep:
                self.kept[key] = (asked, status, text)
            return status, text, False
        finally:
            self.busy.discard(key)
