"""Places where a test makes the machine fail on purpose. Nothing happens at them unless armed.

`arm("complete.send.after=kill@0.05; complete.record.before=raise#1; seed=7")`: at so many of the hits
(`@`, all of them by default), and at the first so many only (`#`), the action is done:

    kill            this process ends at once, as by a power cut
    stop            this process stands still until it is sent SIGCONT
    raise           `Reached` is raised
    sleep:SECONDS   this thread sleeps

`before` is right before a commit or a call, inside its transaction; `after` is right after it. A process
that replaces a killed one draws other hits of the same seed, or it would end at the same place for ever.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from random import Random

log = logging.getLogger("agentic.failpoints")

NAMES = (
    "complete.claim.before",
    "complete.claim.after",
    "complete.open.before",
    "complete.open.after",
    "complete.send.before",
    "complete.send.after",
    "complete.record.before",
    "complete.record.after",
    "complete.finish.before",
    "complete.finish.after",
    "capture.send.before",
    "capture.send.after",
    "webhook.post.before",
    "webhook.post.after",
)
"""The key claimed (P0, also for what a person was asked); the attempt opened (P1); the provider called;
its answer recorded (P2); the order placed (P3); the money taken; an agent told of its order, the row not
yet marked."""

FORM = re.compile(
    r"(?P<action>kill|stop|raise|sleep:(?P<seconds>\d+(?:\.\d+)?))"
    r"(?:@(?P<share>0?\.\d+|1(?:\.0+)?|0))?(?:#(?P<first>[1-9]\d*))?"
)
SEED = re.compile(r"-?\d{1,18}")


class Reached(RuntimeError):
    """What `raise` raises: an error that nobody expects."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens at one name, and at which of its hits."""

    act: Callable[[str], None]
    share: float = 1.0
    first: int | None = None


class _Armed:
    def __init__(self, plans: Mapping[str, Plan], seed: str, draws: Random | None) -> None:
        self._plans = plans
        self._seed = seed
        self._draws = draws
        self._own = draws is None
        self._pid = 0
        self._left = {name: plan.first for name, plan in plans.items()}
        self._lock = threading.Lock()

    def __call__(self, name: str) -> None:
        plan = self._plans.get(name)
        if plan is not None and self._hits(name, plan):
            log.warning("failpoint %s is reached", name)
            plan.act(name)

    def _hits(self, name: str, plan: Plan) -> bool:
        with self._lock:
            if self._own and self._pid != os.getpid():  # a fork draws for itself
                self._pid = os.getpid()
                self._draws = Random(f"{self._seed}:{self._pid}" if self._seed else None)
            left = self._left[name]
            if left is not None:
                if left == 0:
                    return False
                self._left[name] = left - 1
            assert self._draws is not None
            return self._draws.random() < plan.share


_armed: Callable[[str], None] | None = None


def reach(name: str) -> None:
    """What is planned for `name` happens, which is nothing unless somebody armed it."""
    if _armed is not None:
        _armed(name)


def arm(text: str, *, draws: Random | None = None) -> None:
    """The plan of `text` holds from now on in this process, and no other; "" is none. Repeatable.

    `draws` decides instead of a seed, where a run must be repeated exactly. Raises ValueError for a
    name, an action or a share that means nothing.
    """
    global _armed
    plans, seed = parse(text)
    _armed = _Armed(plans, seed, draws) if plans else None


@contextmanager
def armed(text: str, *, draws: Random | None = None) -> Iterator[None]:
    """The plan of `text` holds meanwhile. Raises as `arm`."""
    global _armed
    before = _armed
    arm(text, draws=draws)
    try:
        yield
    finally:
        _armed = before


def parse(text: str) -> tuple[dict[str, Plan], str]:
    """The plan for each name, and the seed or "". Raises ValueError."""
    plans: dict[str, Plan] = {}
    seed = ""
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        name, _, wanted = (part.strip() for part in entry.partition("="))
        if name == "seed":
            if not SEED.fullmatch(wanted):
                raise ValueError(f"{wanted!r} is no seed: a whole number")
            seed = wanted
        elif name not in NAMES:
            raise ValueError(f"{name!r} is no failpoint; there are: {', '.join(NAMES)}")
        elif name in plans:
            raise ValueError(f"{name} is planned twice")
        else:
            plans[name] = _plan(wanted)
    return plans, seed


def _plan(wanted: str) -> Plan:
    found = FORM.fullmatch(wanted)
    if found is None:
        raise ValueError(f"{wanted!r} is none of kill, stop, raise and sleep:SECONDS, with @SHARE and #FIRST")
    return Plan(
        partial(_sleep, float(found["seconds"])) if found["seconds"] else ACTIONS[found["action"]],
        float(found["share"]) if found["share"] else 1.0,
        int(found["first"]) if found["first"] else None,
    )


def _kill(name: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop(name: str) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _raise(name: str) -> None:
    raise Reached(name)


def _sleep(seconds: float, name: str) -> None:
    time.sleep(seconds)


ACTIONS: Mapping[str, Callable[[str], None]] = {"kill": _kill, "stop": _stop, "raise": _raise}
