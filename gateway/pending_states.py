"""States of a parked call and their legal moves. `gateway.aauth.moves` is the only thing that makes one."""

from __future__ import annotations

from django.db import models


class PendingState(models.TextChoices):
    PENDING = "pending"
    INTERACTING = "interacting"
    RESOLVED = "resolved"
    DENIED = "denied"
    ABANDONED = "abandoned"
    EXPIRED = "expired"
    CANCELED = "canceled"
    INVALID_CODE = "invalid_code"
    REVOKED = "revoked"
    FAILED = "failed"


OPEN = (PendingState.PENDING, PendingState.INTERACTING)

_ENDS = frozenset(PendingState.values) - frozenset(OPEN)

MOVES: dict[str, frozenset[str]] = {
    PendingState.PENDING: _ENDS | {PendingState.INTERACTING},
    PendingState.INTERACTING: _ENDS | {PendingState.PENDING},
    **{end: frozenset() for end in _ENDS},
}
