"""States of what differs and of the runs that look for it, and the legal moves."""

from __future__ import annotations

from django.db import models


class BreakState(models.TextChoices):
    OPEN = "open"
    HEALED = "healed"
    GONE = "gone"
    CLOSED = "closed"


BREAK_MOVES: dict[str, frozenset[str]] = {
    BreakState.OPEN: frozenset({BreakState.HEALED, BreakState.GONE, BreakState.CLOSED}),
    BreakState.HEALED: frozenset(),
    BreakState.GONE: frozenset(),
    BreakState.CLOSED: frozenset(),
}


class RunState(models.TextChoices):
    RUNNING = "running"
    COMPLETED = "completed"
    UNREADABLE = "unreadable", "stopped: the provider's books could not be read"


class Phase(models.TextChoices):
    """What a run is at. In this order."""

    LEDGER = "ledger", "the provider's books against ours"
    OURS = "ours", "what is unknown, or was not handed over"
    AGAIN = "again", "open breaks that this run did not meet"
    DONE = "done"
