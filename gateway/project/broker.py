"""A broker that was away is found again soon, and a worker goes on whose acknowledgement did not get through.

Celery takes no more tasks than it may have unacknowledged. When the broker is silent for a moment just then,
kombu's Redis transport reports the error and goes on counting the task as unacknowledged, for ever: after as
many of them as a worker runs at once, it takes no task any more until it is started again.
"""

from __future__ import annotations

from typing import Any

from celery.app.amqp import AMQP
from kombu import Connection
from kombu.transport import redis, virtual

LONGEST_PAUSE_SECONDS = 4
"""Between two looks whether the broker is back. kombu's pauses grow to half a minute, in which a backlog
grows with them (R15)."""


class QoS(redis.QoS):
    """Counts a task as over here, whatever the broker heard of it. There it is given out again after the
    visibility timeout, and then finds its work done."""

    def ack(self, delivery_tag: Any) -> None:
        try:
            super().ack(delivery_tag)
        finally:
            virtual.QoS.ack(self, delivery_tag)

    def reject(self, delivery_tag: Any, requeue: bool = False) -> None:
        try:
            super().reject(delivery_tag, requeue=requeue)
        finally:
            virtual.QoS.ack(self, delivery_tag)


class Persistent(Connection):
    """A connection that is looked after."""

    def _ensure_connection(self, *args: Any, **options: Any) -> Any:
        pauses = {"interval_start": 1, "interval_step": 1, "interval_max": LONGEST_PAUSE_SECONDS}
        return super()._ensure_connection(*args, **{**pauses, **options})


class Amqp(AMQP):
    """Celery's, with such connections."""

    Connection = Persistent


def outlast_silence() -> None:
    """Channels that are opened from now on count so. Repeatable."""
    redis.Channel.QoS = QoS
