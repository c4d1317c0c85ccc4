"""Jobs that the leading relay runs again and again: sweeps and purges.

Each is safe to run twice at once, because a deposed leader may still be at it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger("agentic.relay")

PURGE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Periodic:
    name: str
    seconds: float
    run: Callable[[], object]


class UnknownPeriodic(LookupError):
    """No job of that name is registered."""


_jobs: dict[str, Periodic] = {}


def periodic(name: str, seconds: float, run: Callable[[], object]) -> None:
    """`run` is called about every `seconds` by whoever leads, instead of an earlier one of that name.

    It is called with no transaction open and has to end within MESSAGE_LEASE_SECONDS.
    """
    _jobs[name] = Periodic(name, seconds, run)


def run_periodic(name: str) -> None:
    """The job ran once, here and now. Raises UnknownPeriodic.

    What the job raises is logged without its text, which may quote data or a secret: a Celery
    worker would log it whole. The job's next turn is the next try.
    """
    try:
        job = _jobs[name]
    except KeyError:
        raise UnknownPeriodic(name) from None
    try:
        job.run()
    except Exception as problem:
        from gateway import delivery

        log.error("periodic %s ended with %s", name, delivery.origin(problem))


def names() -> list[str]:
    return list(_jobs)


class Timetable:
    """When each job was last started by this relay. A new one starts every job at once."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}

    def due(self) -> list[Periodic]:
        now = time.monotonic()
        return [job for job in list(_jobs.values()) if self._next.get(job.name, now) <= now]

    def started(self, job: Periodic) -> None:
        self._next[job.name] = time.monotonic() + job.seconds


def _purge_messages() -> int:
    from gateway import delivery

    return delivery.purge()


def _purge_idempotent_requests() -> int:
    from gateway import idempotency

    return idempotency.purge()


def _seal_audit_trails() -> int:
    from gateway.interaction_api import audit

    return audit.seal_due()


def _purge_audit_trails() -> int:
    from gateway.interaction_api import audit

    return audit.purge()


periodic("outbox.purge", PURGE_SECONDS, _purge_messages)
periodic("idempotency.purge", PURGE_SECONDS, _purge_idempotent_requests)
periodic("audit.seal", PURGE_SECONDS, _seal_audit_trails)
periodic("audit.purge", PURGE_SECONDS, _purge_audit_trails)
