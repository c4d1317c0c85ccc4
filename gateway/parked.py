"""Calls that wait here for their person: the seam between whoever parks them and whoever brings people to
their pages (AA-206, AA-214).

An agent may ask its person's server to bring them to a page of our own. What waits there is one row, and
whoever brings the person asks it how it stands, instead of remembering that a second time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Parked:
    """A call of ours that waits, or waited, for its person."""

    id: str
    open: bool
    came: bool
    """The person has come to its page, or has ended it through another door."""
    address: str = field(repr=False)
    """Its page with the code that it has now."""


class NoSuchCall(Exception):
    """The address is one of our pages, and no call of that agent waits there."""


class Busy(Exception):
    """The call is being carried out at this moment, and cannot be stopped."""


class Lot(Protocol):
    """Who parks calls."""

    def at(self, url: str, owner: str) -> Parked | None:
        """The owner's call whose page `url` is; None for an address that is no such page of ours. Reads only.
        Raises NoSuchCall: the same for what never was, and for what is another agent's."""
        ...

    def of(self, pending_id: str) -> Parked | None:
        """None when it is gone. Reads only."""
        ...

    def refuse(self, pending_id: str) -> None:
        """Its person does not want it, and it is never carried out. Repeatable. Raises Busy. No transaction
        may be open."""
        ...


class NoLot:
    """Nothing is parked here."""

    def at(self, url: str, owner: str) -> Parked | None:
        return None

    def of(self, pending_id: str) -> Parked | None:
        return None

    def refuse(self, pending_id: str) -> None:
        return None


_lot: Lot = NoLot()


def plug(lot: Lot | None) -> None:
    """`lot` parks calls from now on; None: nobody does. Called at start-up, and by tests."""
    global _lot
    _lot = lot or NoLot()


def lot() -> Lot:
    return _lot
