"""How the acquirer misbehaves, as it was told by `POST /control`.

    {"seed": 1,
     "faults": [{"what": "silent_after", "share": 0.3, "seconds": 60, "path": "/charges", "times": 5}],
     "webhooks": {"copies": 5, "shuffle": true, "delay_seconds": 0, "spread_seconds": 1},
     "refunds": {"pending": true, "fails": false, "bounces": false, "seconds": 2}}

Each message replaces what was said before; `{}` is a healthy acquirer. A request meets at most one
fault: their shares are parts of one whole. `path` is one of PATHS, absent for all of them; `method` is
POST unless GET is said; with `times` a fault is used up.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.acquirer.asking import Refused, members
from gateway.acquirer.charges import Refunds

WHAT = (
    "delay",  # nothing happens for so long, then everything as usual
    "delay_after",  # it is committed at once and answered so much later
    "error_before",  # 500, and nothing was committed
    "error_after",  # 500, and it was
    "reset_before",  # the connection is reset, and nothing was committed
    "silent_after",  # committed and never answered: held until the client leaves
    "decline",  # the card is declined
)
PATHS = ("/charges", "/charges/{id}", "/charges/{id}/capture", "/charges/{id}/void", "/charges/{id}/refunds")
LONGEST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Fault:
    what: str
    share: float = 1.0
    seconds: float = LONGEST_SECONDS
    path: str = ""
    method: str = "POST"
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Webhooks:
    """How often each event is sent, and when. With `shuffle`, copies are spread over some time at
    random, so that they arrive in another order than they happened in."""

    copies: int = 1
    shuffle: bool = False
    delay_seconds: float = 0.0
    spread_seconds: float = 1.0


@dataclass
class Programme:
    """What was said last. May be used by several threads; the same seed draws the same faults."""

    webhooks: Webhooks = field(default_factory=Webhooks)
    refunds: Refunds = field(default_factory=Refunds)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._random = random.Random()
        self._faults: list[Fault] = []
        self._drawn: Counter[int] = Counter()

    def read(self, body: bytes) -> None:
        """From now on it goes so. Raises Refused, and nothing changed."""
        told = members(body, {"seed", "faults", "webhooks", "refunds"})
        faults = [_made(Fault, entry) for entry in _list(told.get("faults", []))]
        if any(
            fault.what not in WHAT or fault.path not in ("", *PATHS) or fault.method not in ("POST", "GET")
            for fault in faults
        ):
            raise Refused(400, "bad_request", f"what: {', '.join(WHAT)}. path: {', '.join(PATHS)}.")
        webhooks = _made(Webhooks, told.get("webhooks", {}))
        refunds = _made(Refunds, told.get("refunds", {}))
        with self._lock:
            self.webhooks, self.refunds = webhooks, refunds
            self._random, self._faults = random.Random(told.get("seed")), faults
            self._drawn = Counter()

    def fault(self, method: str, path: str) -> Fault | None:
        """What this request meets; None: nothing."""
        with self._lock:
            drawn = self._random.random()
            for number, fault in enumerate(self._faults):
                if fault.method != method or fault.path not in ("", path):
                    continue
                if fault.times is not None and self._drawn[number] >= fault.times:
                    continue
                if drawn < fault.share:
                    self._drawn[number] += 1
                    return fault
                drawn -= fault.share
        return None

    def later(self) -> float:
        """After how many seconds one copy of an event is sent."""
        with self._lock:
            wanted = self.webhooks
            spread = self._random.uniform(0, wanted.spread_seconds) if wanted.shuffle else 0.0
            return wanted.delay_seconds + spread

    def drawn(self) -> dict[str, int]:
        """How many requests met which fault since it was said."""
        with self._lock:
            found: Counter[str] = Counter()
            for number, count in self._drawn.items():
                found[self._faults[number].what] += count
            return dict(found)


KINDS: Mapping[str, tuple[type, ...]] = {
    "what": (str,),
    "path": (str,),
    "method": (str,),
    "share": (int, float),
    "seconds": (int, float),
    "delay_seconds": (int, float),
    "spread_seconds": (int, float),
    "times": (int,),
    "copies": (int,),
    "shuffle": (bool,),
    "pending": (bool,),
    "fails": (bool,),
    "bounces": (bool,),
}


def _made(kind: Any, told: Any) -> Any:
    """Raises Refused."""
    fields = set(kind.__dataclass_fields__)
    right = isinstance(told, dict) and all(
        name in fields
        and type(value) in KINDS[name]
        and (isinstance(value, str | bool) or 0 <= value <= LONGEST_SECONDS)
        for name, value in told.items()
    )
    if not right or (kind is Fault and "what" not in told):
        raise Refused(400, "bad_request", f"{kind.__name__}: {', '.join(sorted(fields))}.")
    return kind(**told)


def _list(told: Any) -> list[Any]:
    if not isinstance(told, list):
        raise Refused(400, "bad_request", "faults is a list.")
    return told
