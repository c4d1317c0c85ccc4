"""The only writer of a parked call's `state`: one conditional UPDATE for each move.

Whoever is first wins, on every database; the other one learns so. Locks are taken in the order session,
intervention, parked call: inside a transaction that holds the former, this comes last.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from gateway.conf import conf
from gateway.deferring import Lost
from gateway.pending_models import PendingRequest
from gateway.pending_states import OPEN, PendingState


def move(row: PendingRequest, to: str, *, only: dict[str, Any] | None = None, **columns: Any) -> None:
    """`row` is in state `to`, with the `columns`; one that has ended holds no body any more.

    Raises Lost when the move is not legal from the state we read, when somebody else moved it first, or
    when the extra condition `only` does not hold. The row in memory is as the database holds it.
    """
    if to not in row.MOVES[row.state]:
        raise Lost
    columns["updated_at"] = timezone.now()
    if to not in OPEN:
        columns |= {"held_body": "", "lease_until": None}
    if not PendingRequest.objects.filter(pk=row.pk, state=row.state, **(only or {})).update(
        state=to, **columns
    ):
        raise Lost
    row.state = to
    for name, value in columns.items():
        setattr(row, name, value)


def claim(row: PendingRequest, *, late: bool = False) -> bool:
    """The held call is ours to run for a lease, and no older run counts; False: somebody else runs it, or
    it has ended, or its time is over, unless that is known (`late`). The row in memory is as the database
    holds it."""
    now = timezone.now()
    until = now + timedelta(seconds=conf().IDEMPOTENCY_LEASE_SECONDS)
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    rows = PendingRequest.objects.filter(free, pk=row.pk, state__in=OPEN, fence=row.fence)
    if not late:
        rows = rows.filter(expires_at__gt=now)
    if not rows.update(fence=F("fence") + 1, lease_until=until, terminal_error=""):
        return False
    row.fence, row.lease_until, row.terminal_error = row.fence + 1, until, ""
    return True


def renew(row: PendingRequest) -> None:
    """Our run may go on for another lease. Raises Lost when a later one took it over, or it has ended."""
    until = timezone.now() + timedelta(seconds=conf().IDEMPOTENCY_LEASE_SECONDS)
    if not _ours(row).update(lease_until=until):
        raise Lost


def release(row: PendingRequest, *, error: str = "") -> None:
    """Our run is over without an end, and anybody may run the call again. `error`: it broke."""
    _ours(row).update(lease_until=None, terminal_error=error)
    row.lease_until, row.terminal_error = None, error


def again(row: PendingRequest) -> None:
    """A person is needed once more, after they had done what they were asked: there is a new code, and
    the agent prompts again. Nothing changes while nobody has come yet."""
    rows = PendingRequest.objects.filter(pk=row.pk, state=PendingState.INTERACTING, round=row.round)
    if rows.update(state=PendingState.PENDING, round=F("round") + 1, updated_at=timezone.now()):
        row.state, row.round = PendingState.PENDING, row.round + 1


def resolve(row: PendingRequest, status: int, body: str) -> None:
    """Our run has ended the call with this answer. Raises Lost when it is ours no more. The last write of
    the transaction that made the answer."""
    now = timezone.now()
    resolved = {
        "state": PendingState.RESOLVED,
        "terminal_status": status,
        "terminal_body": body,
        "held_body": "",
        "lease_until": None,
        "updated_at": now,
    }
    if not _ours(row).update(**resolved):
        raise Lost
    for name, value in resolved.items():
        setattr(row, name, value)


def polled(row: PendingRequest, now: datetime) -> None:
    PendingRequest.objects.filter(pk=row.pk).update(last_polled_at=now)
    row.last_polled_at = now


def delivered(row: PendingRequest) -> bool:
    """The end is told to the agent, by us; False: it was told before (AA-028)."""
    now = timezone.now()
    rows = PendingRequest.objects.filter(pk=row.pk, delivered_at=None).exclude(state__in=OPEN)
    return bool(rows.update(delivered_at=now))


def touch(subject: str) -> int:
    """Whoever waits for the subject sees that something has changed; how many calls do. Inside a transaction.

    It waits for nobody's lock, because it may hold an intervention that the holder comes to want: a call that
    is locked is being run or ended, and what comes of that is seen as well.
    """
    rows = PendingRequest.objects.filter(subject=subject, state__in=OPEN)
    waiting = len(rows.values_list("pk"))
    if waiting:
        free = rows.select_for_update(skip_locked=True).order_by("pk").values_list("pk", flat=True)
        PendingRequest.objects.filter(pk__in=list(free)).update(updated_at=timezone.now())
    return waiting


def _ours(row: PendingRequest) -> Any:
    return PendingRequest.objects.filter(pk=row.pk, fence=row.fence, state__in=OPEN)
