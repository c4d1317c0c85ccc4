"""What a form for paying needs of its page, and what it answers instead of an instrument."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """Origins besides ours: whose scripts the page runs, whose pages it shows in frames, whom it asks."""

    scripts: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()


OURS_ALONE = Policy()


@dataclass(frozen=True, slots=True)
class Untaken:
    """What was sent pays for nothing; `text` says why, in English, to be translated."""

    text: str
    field: str = "pay"
    """Where the person can mend it: the id of something in the form."""
