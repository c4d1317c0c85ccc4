"""The only writer of an intervention's `state`: a conditional UPDATE and a line in the log."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from interventions.errors import StateConflict
from interventions.models import Intervention, InterventionMove
from interventions.ports import ports
from interventions.states import OPEN

SYSTEM = "system"
PERSON = "person"
"""Whoever acts at a page of ours, in the browser that entered first."""

VOIDED = "voided"
"""Ended because what it was for has changed."""

SETTLED = "interventions.settled"
"""The effect by which whoever waits for the person learns that it is over."""


def begin(row: Intervention, *, actor: str, note: str = "") -> None:
    """The row is inserted, and its first state is in the log. Must run inside a transaction."""
    row.save(force_insert=True)
    InterventionMove.objects.create(intervention=row, to_state=row.state, actor=actor, note=note)


def move(
    row: Intervention,
    to: str,
    *,
    actor: str,
    note: str = "",
    only: dict[str, Any] | None = None,
    **columns: Any,
) -> None:
    """`row` is in state `to`, and the move is in the log; an ended one has no code any more.

    Raises StateConflict when the move is not legal from the state we read, when somebody else
    moved the row first, or when the extra condition `only` (field look-ups judged in the same
    UPDATE) does not hold. Must run inside a transaction: move and log are one. The row in
    memory is brought up to date without another read.
    """
    if to not in row.MOVES[row.state]:
        raise StateConflict
    columns["updated_at"] = timezone.now()
    if to not in OPEN:
        columns |= {"code_digest": "", "code_salt": "", "ended_by": actor}
    rows = Intervention.objects.filter(pk=row.pk, state=row.state, **(only or {}))
    if not rows.update(state=to, **columns):
        raise StateConflict
    InterventionMove.objects.create(
        intervention=row, from_state=row.state, to_state=to, actor=actor, note=note
    )
    row.state = to
    for name, value in columns.items():
        setattr(row, name, value)
    if to not in OPEN:
        ports().wake(row.subject)
