"""Arriving: the seam between the page of a call that waits for its person, and whoever parks such calls.

The page shows and asks; a `Desk` knows which call an address belongs to, judges codes, and remembers which
browser is the person's. Without one nobody arrives anywhere: every address is unknown.

ArrivalError
├── Unknown    the address was never made here
├── Ended      nothing waits any more; it says how that ended
├── WrongCode  it counted as an attempt
└── Busy       the call is being carried out at this moment, and cannot be stopped
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class ArrivalError(Exception):
    """Nothing was decided."""


class Unknown(ArrivalError):
    """There is no such address."""


class Ended(ArrivalError):
    """`state` is one of `gateway.pending_states`."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class WrongCode(ArrivalError):
    """`left` more may be tried."""

    def __init__(self, left: int) -> None:
        super().__init__(f"{left} left")
        self.left = left


class Busy(ArrivalError):
    """How it ends is not known yet."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that waits, or waited, for its person."""

    slug: str
    subject: str
    """What it is about (`gateway.subjects`)."""
    owner: str
    state: str
    """One of `gateway.pending_states`."""
    open: bool
    here: bool
    """The browser that looks is the person's."""
    taken: bool
    """The code was used, by this browser or another."""
    seconds_left: float
    can_ask: bool = False
    """The person may ask its agent something, as long as rounds are left."""
    callback: str = field(default="", repr=False)
    """Where the person's browser goes afterwards, as the agent asked and its provider registered; else ""."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What the page of an intervention needs to know of the call that waits for it."""

    slug: str
    can_ask: bool
    leads_to: str
    """The origin of the callback, where the person's browser may be sent in the end; else ""."""


class Desk(Protocol):
    """Who parks calls, and receives the persons they wait for."""

    def look(self, slug: str, browser: str) -> Waiting:
        """How it stands. `browser` is the secret that the visitor's browser keeps, "" for none. Changes
        nothing. Raises Unknown."""
        ...

    def shown(self, code: str) -> str:
        """A code as people compare it, "" for what cannot be one. Says nothing about whether it is right."""
        ...

    def judged(self, slug: str, callback: str) -> str:
        """The callback, if the agent's provider has registered it; else "". Changes nothing, asks nobody."""
        ...

    def arrive(self, slug: str, browser: str, code: str, callback: str) -> Waiting:
        """The browser is the person's from now on, the code is used, and the agent sees that its person has
        arrived. A good callback is remembered.

        Repeatable by the same browser, whatever the code. Raises Unknown, Ended, WrongCode, and
        `interventions.errors.TakenElsewhere` when another browser has used the code. No transaction may
        be open.
        """
        ...

    def admit(self, subject: str, browser: str) -> Waiting:
        """The browser is the person's, who is known without a code: it counts as used (AA-055), and a
        browser that has used it is the person's no more. Raises Unknown and Ended. No transaction may be
        open."""
        ...

    def decline(self, slug: str, browser: str) -> Waiting:
        """The person does not want it, and the call is never carried out. Raises Unknown, Ended, Busy, and
        TakenElsewhere for any other browser. No transaction may be open."""
        ...

    def beside(self, subject: str) -> Beside | None:
        """The newest call about the subject at which a person has arrived, also when it has ended since.
        Reads only."""
        ...


_desk: Desk | None = None


def plug(desk: Desk | None) -> None:
    """`desk` receives persons from now on; None: nobody does. Called at start-up, and by tests."""
    global _desk
    _desk = desk


def desk() -> Desk:
    """Who receives persons. Raises Unknown when nobody does."""
    if _desk is None:
        raise Unknown
    return _desk


def beside(subject: str) -> Beside | None:
    """As `Desk.beside`."""
    return _desk.beside(subject) if _desk else None
