"""What the services answer: values, frozen, without anything secret."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An Intervention as its subject may show it."""

    id: str
    kind: str
    state: str
    hint: str
    """Where the person was written to, masked; empty when nothing is sent."""
    expires_at: datetime | None
    """The end of the current challenge (decision 18); None when none was started."""
    attempts_left: int
    limited: bool
    """A new challenge is due and was not started: too many sends or failures. Later it may be."""
    challenge: int = 0
    """The number of the current challenge; a code belongs to one of them."""
    provider: str = ""
    """Who runs it; empty when the merchant does."""

    def live(self, now: datetime) -> bool:
        """A code can be answered."""
        return self.expires_at is not None and self.expires_at > now and self.attempts_left > 0

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON can carry it."""
        return asdict(self) | {"expires_at": self.expires_at.isoformat() if self.expires_at else None}


class Answer(StrEnum):
    """What became of a code that somebody brought."""

    RIGHT = "right"
    """The person proved access to the destination; the Intervention is passed."""
    WRONG = "wrong"
    """An attempt was spent. None left: the Intervention has failed."""
    EXPIRED = "expired"
    """The challenge is over, or none was started yet. Nothing was compared or counted."""
    MALFORMED = "malformed"
    """Not six to eight ASCII digits. Nothing was compared or counted."""
    NONE = "none"
    """Nothing is pending."""
    OTHER = "other"
    """Another kind is pending."""


@dataclass(frozen=True, slots=True)
class Answered:
    outcome: Answer
    attempts_left: int = 0
