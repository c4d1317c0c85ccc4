"""Making outbox messages happen: claim, run, record. Exclusive per message, whoever calls.

A claim is a conditional UPDATE of `lease_until`, the same on every database. The value written
is the fence: it grows with every claim, and recording is conditional on it, so a worker that
was stopped longer than its lease records nothing over its successor (R07, R16).
"""

from __future__ import annotations

import logging
import random
import traceback
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection, transaction
from django.db.models import Count, F, Min, Q, QuerySet
from django.utils import timezone

from gateway import outbox
from gateway.conf import conf
from gateway.models import OutboxMessage
from interventions.ports import GivenUp

log = logging.getLogger("agentic.delivery")

DELAYS_SECONDS = (0, 5, 30, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 24 * 3600, 24 * 3600)
"""Before each try (reliability-security 1.3): about 66 hours, then the message is dead."""
JITTER = 0.2
KEEP_DONE = timedelta(days=7)
PURGE_BATCH = 500
PURGE_BATCHES = 20

OPEN = Q(done_at=None, dead_at=None)


class LeaseLost(RuntimeError):
    """Every try of the message ended without a word: its workers were killed, or stopped too long."""


def deliver(message_id: str) -> bool:
    """The message was claimed here and its handler ran once; True when it ended well.

    False when the message is unknown, finished, not due, leased by somebody else, or when its
    handler raised: the row then holds the exception's class name and the time of the next try. There
    is none after GivenUp: an operator has to look.
    Repeatable. No transaction may be open (RuntimeError). Database errors pass through: the
    lease then runs out and the message is claimed again.
    """
    message = _claim(message_id)
    if message is None:
        return False
    try:
        outbox.handler_of(message.kind)(message.payload)
    except Exception as problem:
        # A handler may have lost its connection; recording the failure needs a working one.
        connection.close_if_unusable_or_obsolete()
        log.warning(
            "%s of kind %s failed, try %s: %s", message.pk, message.kind, message.tries, origin(problem)
        )
        _record_failure(message, type(problem).__name__, final=isinstance(problem, GivenUp))
        return False
    return _record(message, done_at=timezone.now(), error="")


def deliver_due(limit: int = 100) -> int:
    """At most `limit` due messages were tried here, oldest first; how many were delivered.

    Repeatable, also at the same time elsewhere. No transaction may be open.
    """
    return sum(deliver(message_id) for message_id in due_ids(limit))


def due_ids(limit: int) -> list[str]:
    """Ids of messages that could be claimed now, the longest due first."""
    return list(_due(timezone.now()).order_by("due_at").values_list("pk", flat=True)[:limit])


def unpublished_ids(limit: int) -> list[str]:
    """Ids of messages that could be claimed now and have no task yet, the longest due first."""
    rows = _due(timezone.now()).filter(published_until=None)
    return list(rows.order_by("due_at").values_list("pk", flat=True)[:limit])


def overdue_ids(limit: int, seconds: float = 0.0) -> list[str]:
    """Ids of messages that could be claimed now and whose task should have come so many seconds ago, the
    longest awaited first. One whose task came, and whose worker then died, is awaited no longer."""
    now = timezone.now()
    rows = _due(now).filter(published_until__lte=now)
    if seconds:
        came = Q(lease_until__gt=F("published_until"))  # claimed since: a task is awaited less than a lease
        rows = rows.filter(came | Q(published_until__lte=now - timedelta(seconds=seconds)))
    return list(rows.order_by("published_until").values_list("pk", flat=True)[:limit])


def mark_published(message_id: str, seconds: float) -> bool:
    """The caller publishes a task for the message, and nobody else does for so many seconds.

    False when there is nothing to publish any more. The task itself claims as everybody does.
    """
    now = timezone.now()
    until = now + timedelta(seconds=seconds)
    return bool(_unpublished(now).filter(pk=message_id).update(published_until=until))


def unmark_published(message_id: str) -> None:
    """The broker did not take the task: the message may be published at once."""
    OutboxMessage.objects.filter(OPEN, pk=message_id).update(published_until=None)


def backlog() -> tuple[int, float]:
    """How many messages are due and nobody is at, and for how many seconds the oldest has been."""
    now = timezone.now()
    due = _due(now).aggregate(count=Count("pk"), oldest=Min("due_at"))
    return due["count"], (now - due["oldest"]).total_seconds() if due["oldest"] else 0.0


def given_up(kind: str, member: str, only: str = "") -> list[str]:
    """What the payloads of the dead messages of `kind` have under `member`, or `only` if it is there."""
    return _under(OutboxMessage.objects.filter(kind=kind, dead_at__isnull=False), member, only)


def unfinished(kind: str, member: str, only: str = "") -> list[str]:
    """The same of messages that are not delivered yet and will be tried."""
    return _under(OutboxMessage.objects.filter(OPEN, kind=kind), member, only)


def run_again(message_ids: list[str]) -> int:
    """Dead messages among these are due again with all their tries; how many there were.

    Repeatable; a transaction may be open.
    """
    return OutboxMessage.objects.filter(pk__in=message_ids, dead_at__isnull=False).update(
        dead_at=None, tries=0, due_at=timezone.now(), published_until=None
    )


def purge() -> int:
    """Messages delivered more than seven days ago are gone, at most 10,000 of them; how many.

    Dead ones stay for an operator. Repeatable, also twice at once. In batches, so that no
    statement locks many rows; a transaction should not be open.
    """
    before = timezone.now() - KEEP_DONE
    removed = 0
    for _ in range(PURGE_BATCHES):
        # What was done before then was created before then, and that column has an index.
        old = OutboxMessage.objects.filter(created_at__lt=before, done_at__lt=before).order_by("created_at")
        batch = list(old.values_list("pk", flat=True)[:PURGE_BATCH])
        removed += OutboxMessage.objects.filter(pk__in=batch).delete()[0]
        if len(batch) < PURGE_BATCH:
            break
    return removed


def origin(problem: BaseException) -> str:
    """Class and place of an error. Its text is left out, as it may quote data or a secret."""
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(problem).__name__
    return f"{type(problem).__name__} at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def route_of(problem: BaseException, longest: int = 8) -> str:
    """The places an error came through, the last ones, again without any text of its own."""
    frames = traceback.extract_tb(problem.__traceback__)[-longest:]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)


def _under(messages: QuerySet[OutboxMessage], member: str, only: str) -> list[str]:
    if only:
        messages = messages.filter(**{f"payload__{member}": only})
    return [payload[member] for payload in messages.values_list("payload", flat=True)]


def _due(now: datetime) -> QuerySet[OutboxMessage]:
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    return OutboxMessage.objects.filter(OPEN, free, due_at__lte=now)


def _unpublished(now: datetime) -> QuerySet[OutboxMessage]:
    return _due(now).filter(Q(published_until=None) | Q(published_until__lte=now))


def _claim(message_id: str) -> OutboxMessage | None:
    """The message with our lease and this try counted, or None: not due, or somebody else's.

    The try is counted when it starts, so that a message that kills its worker ends as dead too.
    """
    now = timezone.now()
    with transaction.atomic(durable=True):
        message = _due(now).filter(pk=message_id).first()
        if message is None:
            return None
        claimable = _due(now).filter(pk=message_id, tries=message.tries)
        if message.tries >= len(DELAYS_SECONDS):
            if claimable.update(lease_until=None, dead_at=now, error=LeaseLost.__name__):
                log.error("%s of kind %s is dead: no try ever ended", message.pk, message.kind)
            return None
        message.lease_until = now + timedelta(seconds=conf().MESSAGE_LEASE_SECONDS)
        message.tries += 1
        return message if claimable.update(lease_until=message.lease_until, tries=message.tries) else None


def _record(message: OutboxMessage, **columns: object) -> bool:
    """The columns are written and the lease is given back, unless the message was claimed since."""
    ours = OutboxMessage.objects.filter(OPEN, pk=message.pk, lease_until=message.lease_until)
    if ours.update(lease_until=None, published_until=None, **columns):
        return True
    log.warning("%s of kind %s outlived its lease; somebody else has it", message.pk, message.kind)
    return False


def _record_failure(message: OutboxMessage, error: str, *, final: bool) -> None:
    now = timezone.now()
    if final or message.tries >= len(DELAYS_SECONDS):
        if _record(message, dead_at=now, error=error):
            log.error("%s of kind %s is dead after %s tries", message.pk, message.kind, message.tries)
        return
    seconds = DELAYS_SECONDS[message.tries] * random.uniform(1 - JITTER, 1 + JITTER)
    _record(message, due_at=now + timedelta(seconds=seconds), error=error)
