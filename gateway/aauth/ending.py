"""How a parked call ends without having been run: what the agent is told, and that nobody acts any more
(AA-027, AA-031, AA-078)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from gateway import subjects
from gateway.aauth import keeping, moves
from gateway.deferring import Lost
from gateway.pending_models import PendingRequest
from gateway.pending_states import OPEN, PendingState

SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class End:
    """What an agent is told of a call that was not carried out."""

    status: int
    error: str
    detail: str


ENDS: Mapping[str, tuple[int, str]] = {
    PendingState.DENIED: (403, "denied"),
    PendingState.ABANDONED: (403, "abandoned"),
    PendingState.REVOKED: (403, "revoked"),
    PendingState.EXPIRED: (408, "expired"),
    PendingState.INVALID_CODE: (410, "invalid_code"),
    PendingState.CANCELED: (410, "gone"),
    PendingState.FAILED: (500, "server_error"),
}
"""Status and error, by the state of the call; what is stored with it says more."""

TOO_LATE = (PendingState.EXPIRED, PendingState.ABANDONED)


def told(pending: PendingRequest) -> End:
    """What its agent is told of a call that has ended so."""
    status, error = ENDS[pending.state]
    detail = pending.terminal_detail or subjects.of(pending.subject).texts[pending.state]
    return End(status, error, detail)


def end(pending: PendingRequest, to: str, *, detail: str = "", actor: str = SYSTEM) -> None:
    """The call is over, without having been carried out. The person is not waited for any more, unless
    another call waits for the same.

    Raises Lost when it has ended, or is being carried out, and CompletionRunning while its money may be
    moving. No transaction may be open.
    """
    _idle(pending)
    with transaction.atomic(durable=True):
        subjects.of(pending.subject).call_off(
            pending.subject,
            claim=keeping.claim_of(pending),
            alone=lambda: not _others(pending).exists(),
            actor=actor,
            expired=to in TOO_LATE,
        )
        _over(pending, to, detail)


def deny(pending: PendingRequest, *, actor: str) -> None:
    """What it is about is not wanted: neither the call nor another that waits for the same will be
    carried out, and nobody acts for it any more. What its person had confirmed counts no more.

    Raises Lost when the call has ended, or one of them is being carried out, and CompletionRunning while
    money may be moving; nothing is changed then. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        subjects.of(pending.subject).refuse(pending.subject, actor=actor)
        for row in (pending, *_others(pending).order_by("pk")):
            _over(row, PendingState.DENIED)


def _others(pending: PendingRequest) -> QuerySet[PendingRequest]:
    return PendingRequest.objects.filter(subject=pending.subject, state__in=OPEN).exclude(pk=pending.pk)


def _idle(pending: PendingRequest) -> None:
    if pending.lease_until is not None and pending.lease_until > timezone.now():
        raise Lost


def _over(pending: PendingRequest, to: str, detail: str = "") -> None:
    """The call has ended so. Raises Lost also when somebody runs it, or has since we read it."""
    _idle(pending)
    status, error = ENDS[to]
    moves.move(
        pending,
        to,
        only={"fence": pending.fence, "lease_until": pending.lease_until},
        terminal_status=status,
        terminal_error=error,
        terminal_detail=detail[:500],
    )
