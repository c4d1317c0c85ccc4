"""Handing due messages to Celery: one task per message, its id and nothing else (T98).

Only a relay does this. The request path never talks to a broker.
"""

from __future__ import annotations

import time

from celery.app import app_or_default

from gateway import delivery
from gateway.conf import conf

PAUSE_SECONDS = 1.0
EXPIRY = 10
"""A task is dropped after so many others were published for its message: busy workers still get
to it, and workers that are away for long do not find a queue without end."""


class Publisher:
    """A relay's hands when Celery workers do the work. Same verbs as `gateway.relay.Here`."""

    lanes = 1
    """One lane publishes: a silent broker then holds up nothing but publishing."""

    def __init__(self) -> None:
        # Found in the thread that set Celery up: in any other, the current application may
        # be a fresh default one that knows no broker.
        self._app = app_or_default()

    def due(self, limit: int) -> list[str]:
        """Messages for which no recent task is on its way."""
        return delivery.unpublished_ids(limit)

    def deliver(self, message_id: str) -> None:
        """A task for the message is with the broker, unless there is nothing to publish any more.

        A broker error is raised after a pause, and the message may be published at once again.
        """
        if not delivery.mark_published(message_id, _again_seconds()):
            return
        try:
            self._send("agentic.outbox.deliver", message_id, expires=EXPIRY * _again_seconds())
        except Exception:
            delivery.unmark_published(message_id)
            time.sleep(PAUSE_SECONDS)
            raise

    def run_periodic(self, name: str) -> None:
        """A task for the job is with the broker. Raises what the broker's client raises."""
        # Workers that were away need not catch up on every sweep they missed.
        self._send("agentic.periodic.run", name, expires=_again_seconds())

    def _send(self, task: str, argument: str, *, expires: float) -> None:
        self._app.send_task(task, (argument,), ignore_result=True, retry=False, expires=expires)


def _again_seconds() -> float:
    """How long a task may take to reach a worker before another one is published."""
    return conf().MESSAGE_LEASE_SECONDS / 2
