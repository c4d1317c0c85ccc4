"""The active rules of questions, as this process knows them: they are needed often, and change seldom."""

from __future__ import annotations

import time

from interventions.policy import FRESH_SECONDS
from interventions.questions import Rule

_edition = object()
"""Another one each time somebody says that the rules changed."""
_read: tuple[object, float, tuple[Rule, ...]] | None = None
"""What was read, when, and of which edition: a slow reader's old rules are not kept as new."""


def active() -> tuple[Rule, ...]:
    """The rules in the order of their priority, read at most FRESH_SECONDS ago.

    A change made in this process counts at once. A transaction may be open.
    """
    global _read
    now, edition, read = time.monotonic(), _edition, _read
    if read is not None and read[0] is edition and now - read[1] < FRESH_SECONDS:
        return read[2]
    from interventions.models import ClarificationRule

    rows = ClarificationRule.objects.filter(active=True).order_by("priority", "name")
    rules = tuple(row.rule() for row in rows)
    _read = (edition, now, rules)
    return rules


def forget() -> None:
    """The rules are read again when they are needed next."""
    global _edition, _read
    _edition, _read = object(), None
