"""Stored states and their legal moves. `interventions.moves` is the only thing that makes one."""

from __future__ import annotations

from django.db import models


class InterventionState(models.TextChoices):
    PENDING = "pending"
    INTERACTING = "interacting"
    PASSED = "passed"
    FAILED = "failed"
    DENIED = "denied"
    ABANDONED = "abandoned"
    EXPIRED = "expired"
    CANCELED = "canceled"


OPEN = (InterventionState.PENDING, InterventionState.INTERACTING)
"""A person can still act. A subject has at most one such row of each kind."""

STANDING = (*OPEN, InterventionState.PASSED)
"""Counts for what it was bound to, until that changes."""

_ENDS = frozenset(InterventionState.values) - frozenset(OPEN)

MOVES: dict[str, frozenset[str]] = {
    InterventionState.PENDING: _ENDS | {InterventionState.INTERACTING},
    InterventionState.INTERACTING: _ENDS | {InterventionState.PENDING},
    # What was passed is voided when it changes (decision 21); nothing else ends twice.
    InterventionState.PASSED: frozenset({InterventionState.CANCELED}),
    **{end: frozenset() for end in _ENDS if end != InterventionState.PASSED},
}
