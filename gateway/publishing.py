"""Handing due messages to Celery: one task per message, its id and nothing else (T98).

Only a relay does this. The request path never talks to a broker.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from celery.app import app_or_default

from gateway import delivery
from gateway.conf import conf

log = logging.getLogger("agentic.relay")

DELIVER = "agentic.outbox.deliver"
PAUSE_SECONDS = 1.0
SHORT = 20
"""Tasks in the broker's queue; a message whose task was not taken for long, with no more of them before it,
has lost its task."""
KNOWN_SECONDS = 1.0
"""For so long it is known how much waits."""
PATIENCE = {"socket_timeout": 1, "socket_connect_timeout": 1, "read_timeout": 1, "write_timeout": 1}
"""With a broker that is asked, in seconds; each client knows its own names."""
EXPIRY = 10
"""A task is dropped after so many times the seconds in which it should have come: busy workers still get to
it, and workers that are away for long do not find a queue without end. Its message then gets another."""


class Publisher:
    """A relay's hands when Celery workers do the work. Same verbs as `gateway.relay.Here`."""

    lanes = 1
    """One lane publishes: a silent broker then holds up nothing but publishing."""

    def __init__(self) -> None:
        # Found in the thread that set Celery up: in any other, the current application may
        # be a fresh default one that knows no broker.
        self._app = app_or_default()
        self._asks = ""
        """The message whose delivery finds out how long the queue is."""
        self._short, self._known_until = False, 0.0

    def due(self, limit: int) -> list[str]:
        """Messages for which no task is on its way. Those that never had one come first.

        One that waits in a long queue is on its way: copies of what waits would stand before all that comes
        later, and busy workers would never get through (R15). Where a task was lost in another way than with
        the whole queue or its worker, it takes until the queue is short, or until the task has expired.
        Reads the database only; how long the queue is comes out when one of the messages is delivered.
        """
        never = delivery.unpublished_ids(limit)
        left = limit - len(never)
        overdue = delivery.overdue_ids(left) if left else []
        known = time.monotonic() < self._known_until
        if not overdue or (known and self._short):
            return [*never, *overdue]
        lost = delivery.overdue_ids(left, (EXPIRY - 1) * _again_seconds())
        self._asks = "" if known else next((one for one in overdue if one not in lost), "")
        return [*never, *lost, *filter(None, [self._asks])]

    def deliver(self, message_id: str) -> None:
        """A task for the message is with the broker, unless there is nothing to publish any more, or the
        queue turned out to be long and holds its task.

        A broker error is raised after a pause, and the message may be published at once again.
        """
        if message_id == self._asks and not self._queue_is_short(message_id):
            return
        if not delivery.mark_published(message_id, _again_seconds()):
            return
        try:
            self._send(DELIVER, message_id, expires=EXPIRY * _again_seconds())
        except Exception:
            delivery.unmark_published(message_id)
            time.sleep(PAUSE_SECONDS)
            raise

    def run_periodic(self, name: str) -> None:
        """A task for the job is with the broker. Raises what the broker's client raises."""
        # Workers that were away need not catch up on every sweep they missed.
        self._send("agentic.periodic.run", name, expires=_again_seconds())

    def _queue_is_short(self, message_id: str) -> bool:
        """What was published has been taken, as far as the broker knows; False when it does not say."""
        try:
            self._short = self._waiting(message_id) < SHORT
        except Exception as problem:
            log.info("The broker does not say how much waits: %s", delivery.origin(problem))
            self._short = False
        self._asks, self._known_until = "", time.monotonic() + KNOWN_SECONDS
        return self._short

    def _waiting(self, message_id: str) -> int:
        """How many tasks wait where that message's would be sent. Raises what the broker's client raises, and
        KeyError where they are sent to no queue that we could ask about."""
        route = self._app.amqp.router.route({}, DELIVER, args=(message_id,))
        with self._app.connection_for_write(transport_options=PATIENCE) as connection:
            channel: Any = connection.channel()
            try:
                waiting: int = channel.queue_declare(route["queue"].name, passive=True).message_count
            except connection.channel_errors:
                return 0  # there is no such queue: the broker has lost everything
            return waiting

    def _send(self, task: str, argument: str, *, expires: float) -> None:
        self._app.send_task(task, (argument,), ignore_result=True, retry=False, expires=expires)


def _again_seconds() -> float:
    """How long a task may take to reach a worker before another one is published."""
    return conf().MESSAGE_LEASE_SECONDS / 2
