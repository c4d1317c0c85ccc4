"""What Celery workers run. Tasks carry an id or a name; they re-read everything (T98)."""

from __future__ import annotations

from celery import shared_task

from gateway import delivery, periodic


@shared_task(name="agentic.outbox.deliver", ignore_result=True)
def deliver_message(message_id: str) -> None:
    """The message was tried here, unless it is finished or somebody else's. Safe to run twice."""
    delivery.deliver(message_id)


@shared_task(name="agentic.periodic.run", ignore_result=True)
def run_periodic(name: str) -> None:
    """The periodic job of that name ran once. Safe to run twice."""
    periodic.run_periodic(name)
