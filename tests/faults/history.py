"""What the clients saw: a line when a request is sent and a line when it ends.

`ok` is a 2xx answer, `fail` a definite refusal (4xx), `info` anything after which nobody knows: no
answer, or 5xx. Whatever `info` may have done, both worlds are right; a third one is not.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

OK, FAIL, INFO = "ok", "fail", "info"


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as its client saw it. `status` is 0 without an answer."""

    op: int
    verb: str
    path: str
    key: str
    status: int
    body: str
    replayed: bool
    sent_at: float
    ended_at: float
    seconds: float

    @property
    def outcome(self) -> str:
        if 200 <= self.status < 300:
            return OK
        return FAIL if 400 <= self.status < 500 else INFO

    @property
    def session(self) -> str:
        """The session it was about, or ""."""
        return next((part for part in self.path.split("/") if part.startswith("cs_")), "")

    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body)
        return found


class History:
    """Safe for many threads. The file holds every event in the order in which it happened."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("w", encoding="utf-8")
        self._lock = threading.Lock()
        self._numbers = count(1)
        self.seen: list[Seen] = []

    def invoke(self, verb: str, path: str, key: str) -> int:
        """The number of the request that is sent now."""
        with self._lock:
            op = next(self._numbers)
            self._write({"op": op, "phase": "invoke", "verb": verb, "path": path, "key": key})
        return op

    def end(self, seen: Seen) -> None:
        with self._lock:
            self.seen.append(seen)
            self._write({"phase": seen.outcome, **asdict(seen)})

    def __iter__(self) -> Iterator[Seen]:
        with self._lock:
            return iter(list(self.seen))

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def _write(self, line: dict[str, object]) -> None:
        if not self._file.closed:
            self._file.write(json.dumps({"wall": time.time(), "mono": time.monotonic(), **line}) + "\n")
