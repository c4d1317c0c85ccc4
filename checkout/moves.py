"""The only writer of `state`: a conditional UPDATE and a line in the log."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from checkout.errors import StateConflict
from checkout.models import Break, CheckoutSession, Payment, Refund, StateMove
from interventions.prepared import change, insert

Moved = CheckoutSession | Payment | Refund | Break


def begin(row: Moved, *, actor: str, note: str = "") -> None:
    """The new row's first state is in the log. Must run in the transaction that inserted it."""
    insert([StateMove(subject=row.pk, to_state=row.state, actor=actor, note=note)])


def move(
    row: Moved,
    to: str,
    *,
    actor: str,
    note: str = "",
    only: dict[str, Any] | None = None,
    beginning: Moved | None = None,
    **columns: Any,
) -> None:
    """`row` is in state `to` with `columns` written, and the move is in the log.

    Raises StateConflict when the move is not legal from the state we read, when somebody
    else moved the row first, or when the extra condition `only` (field look-ups judged in
    the same UPDATE) does not hold. Must run inside a transaction: move and log are one.
    The database decides who was first, on every database; the row in memory is brought up
    to date without another read. `beginning` is a new row whose first state is logged with it.
    """
    if to not in row.MOVES[row.state]:
        raise StateConflict
    columns["updated_at"] = timezone.now()
    if not change(type(row), {"pk": row.pk, "state": row.state, **(only or {})}, {"state": to, **columns}):
        raise StateConflict
    log = [StateMove(subject=row.pk, from_state=row.state, to_state=to, actor=actor, note=note)]
    if beginning is not None:
        log.append(StateMove(subject=beginning.pk, to_state=beginning.state, actor=actor))
    insert(log)
    row.state = to
    for name, value in columns.items():
        setattr(row, name, value)
