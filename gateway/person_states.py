"""States of what a person server keeps, and their legal moves."""

from __future__ import annotations

from django.db import models


class GrantState(models.TextChoices):
    ASKED = "asked"
    GRANTED = "granted"
    DENIED = "denied"
    ENDED = "ended"
    """Nobody decided in time, or the agent has withdrawn."""
    REVOKED = "revoked"
    """It was granted, and taken back."""


GRANT_OPEN = (GrantState.ASKED,)
GRANT_MOVES: dict[str, frozenset[str]] = {
    GrantState.ASKED: frozenset({GrantState.GRANTED, GrantState.DENIED, GrantState.ENDED}),
    GrantState.GRANTED: frozenset({GrantState.REVOKED}),
    GrantState.DENIED: frozenset(),
    GrantState.ENDED: frozenset(),
    GrantState.REVOKED: frozenset(),
}


class SummonsState(models.TextChoices):
    WAITING = "waiting"
    """A channel took it, and the person has not come."""
    ENGAGED = "engaged"
    """The person has opened it on a channel of ours."""
    ANSWERED = "answered"
    """The question has its answer."""
    DECLINED = "declined"
    """The person does not want it."""
    UNREACHED = "unreached"
    """The time is over, and the person has not come."""
    FAILED = "failed"
    """No channel is left that could reach them."""
    CANCELED = "canceled"
    """The agent has withdrawn it."""


SUMMONS_OPEN = (SummonsState.WAITING,)
_ENDS = frozenset(SummonsState.values) - frozenset(SUMMONS_OPEN)
SUMMONS_MOVES: dict[str, frozenset[str]] = {
    SummonsState.WAITING: _ENDS,
    **{end: frozenset() for end in _ENDS},
}
