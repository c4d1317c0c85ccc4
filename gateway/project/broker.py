"""A worker whose acknowledgement did not get through goes on working.

Celery takes no more tasks than it may have unacknowledged. When the broker is silent for a moment just then,
kombu's Redis transport reports the error and goes on counting the task as unacknowledged, for ever: after as
many of them as a worker runs at once, it takes no task any more until it is started again.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis, virtual


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


def outlast_silence() -> None:
    """Channels that are opened from now on count so. Repeatable."""
    redis.Channel.QoS = QoS
