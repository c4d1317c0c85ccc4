"""Whose agent it is: exactly one person's (AA-213)."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from gateway.person_models import AgentBinding


class BoundElsewhere(Exception):
    """The agent is somebody else's, and stays theirs."""


def of(owner: str) -> AgentBinding | None:
    """Whose agent it is, also when that was revoked. Reads only."""
    return AgentBinding.objects.filter(owner=owner).first()


def person_of(owner: str) -> str:
    """Whom the agent acts for now; "" for nobody. Reads only."""
    row = of(owner)
    return row.person if row is not None and row.revoked_at is None else ""


def of_person(person: str) -> QuerySet[AgentBinding]:
    """Every agent that acts or acted for them, the newest first. Reads only."""
    return AgentBinding.objects.filter(person=person)


def bind(owner: str, person: str) -> AgentBinding:
    """The agent acts for the person from now on. Repeatable, and it restores what they had revoked.

    Raises BoundElsewhere. Two persons at once: one of them wins. A transaction may be open; it stays usable.
    """
    try:
        with transaction.atomic():
            return AgentBinding.objects.create(owner=owner, person=person)
    except IntegrityError:
        row = AgentBinding.objects.get(owner=owner)
    if row.person != person:
        raise BoundElsewhere
    if row.revoked_at is not None:
        AgentBinding.objects.filter(pk=row.pk).update(revoked_at=None)
        row.revoked_at = None
    return row


def declare(owner: str, capabilities: Sequence[str]) -> None:
    """What the agent says that it can do, for when it does not say (AA-208). Repeatable."""
    AgentBinding.objects.filter(owner=owner).update(capabilities=sorted(capabilities))


def revoke(owner: str, person: str) -> bool:
    """The agent acts for the person no more; False when it did not. Repeatable. What was granted to it is
    taken back by the caller (`gateway.grants`), in the same transaction."""
    rows = AgentBinding.objects.filter(owner=owner, person=person, revoked_at=None)
    return bool(rows.update(revoked_at=timezone.now()))
