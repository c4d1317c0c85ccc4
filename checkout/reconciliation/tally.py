"""What a run counts: how many rows, and sums per currency on both sides. Kept as JSON with the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checkout.ports import LedgerEntry
from checkout.reconciliation.comparing import Ours
from checkout.states import PaymentState

HELD, CAPTURED, REFUNDED = "held", "captured", "refunded"
THEIRS, OURS = "theirs", "ours"
OUTCOMES = ("new", "known", "healed")


class Tally:
    """Grows from batch to batch; `kept` is what a row stores and `Tally(kept)` goes on with it."""

    def __init__(self, kept: Mapping[str, Any] | None = None) -> None:
        self.entries = 0
        self.payments = 0
        self.foreign = 0
        self.gone = 0
        self.asked = 0
        self.outcomes: dict[str, dict[str, int]] = {outcome: {} for outcome in OUTCOMES}
        self.sums: dict[str, dict[str, dict[str, int]]] = {}
        for name, value in (kept or {}).items():
            setattr(self, name, value)

    @property
    def kept(self) -> dict[str, Any]:
        return dict(vars(self))

    def entry(self, entry: LedgerEntry, *, foreign: bool) -> None:
        """An entry of the provider's was compared, or is none of our business."""
        self.entries += 1
        if foreign:
            self.foreign += 1
            return
        if entry.state == "authorized":
            self._add(THEIRS, HELD, entry.amount, entry.currency)
        elif entry.state == "captured":
            self._add(THEIRS, CAPTURED, entry.captured, entry.currency)
            self._add(THEIRS, REFUNDED, entry.refunded, entry.currency)

    def payment(self, ours: Ours) -> None:
        """A paid attempt of ours was compared. What led to no order was given back, and counts as that."""
        self.payments += 1
        if ours.state == PaymentState.AUTHORIZED and ours.order:
            self._add(OURS, HELD, ours.amount, ours.currency)
        elif ours.state == PaymentState.CAPTURED:
            self._add(OURS, CAPTURED, ours.amount, ours.currency)
            self._add(OURS, REFUNDED, ours.refunded if ours.order else ours.amount, ours.currency)

    def outcome(self, outcome: str, kind: str) -> None:
        """A difference was looked at; those that are no more are not counted."""
        if outcome in self.outcomes:
            by_kind = self.outcomes[outcome]
            by_kind[str(kind)] = by_kind.get(str(kind), 0) + 1

    def _add(self, side: str, what: str, amount: int, currency: str) -> None:
        nothing = {HELD: 0, CAPTURED: 0, REFUNDED: 0}
        sides = self.sums.setdefault(currency.lower(), {THEIRS: dict(nothing), OURS: dict(nothing)})
        sides[side][what] += amount
