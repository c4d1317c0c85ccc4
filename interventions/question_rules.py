"""The active rules of questions, as this process knows them."""

from __future__ import annotations

from interventions.questions import Rule
from interventions.remembered import Remembered


def _active() -> tuple[Rule, ...]:
    from interventions.models import ClarificationRule

    rows = ClarificationRule.objects.filter(active=True).order_by("priority", "name")
    return tuple(row.rule() for row in rows)


active = Remembered(_active)
"""The rules in the order of their priority."""

forget = active.forget
"""The rules are read again when they are needed next."""
