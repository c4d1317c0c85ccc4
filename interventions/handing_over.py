"""The row of a handoff: who acts in it, how long, and how it ends.

It has no provider and no verdict of its own: what became of the purchase is what became of it. Every
verb that writes belongs to the transaction that holds its subject's lock.
"""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from interventions import moves, visits
from interventions.errors import NotFound, Over, TakenElsewhere
from interventions.models import Intervention
from interventions.negotiation import HANDOFF
from interventions.states import OPEN, InterventionState


def of(intervention_id: str) -> Intervention:
    """The handoff as it stands. Raises NotFound, also for what is no handoff. Changes nothing."""
    row = visits.look(intervention_id)
    if row.kind != HANDOFF:
        raise NotFound
    return row


def last(subject: str) -> Intervention | None:
    """The subject's newest handoff, as stored. Changes nothing."""
    return Intervention.objects.filter(subject=subject, kind=HANDOFF).order_by("-created_at").first()


def held(intervention_id: str, browser: str) -> Intervention:
    """The running handoff, in the browser that entered it: that stays so while the lock of its subject
    is held. Raises NotFound, Over and TakenElsewhere."""
    row = Intervention.objects.filter(pk=intervention_id, kind=HANDOFF).first()
    if row is None:
        raise NotFound
    if row.state not in OPEN or row.over(timezone.now()):
        raise Over(visits.look(row.pk).state)
    if not visits.is_of(row, browser):
        raise TakenElsewhere
    return row


def rebind(row: Intervention, binding: str) -> None:
    """It is for what the person has made of the purchase, so that it goes on."""
    if row.binding != binding:
        Intervention.objects.filter(pk=row.pk).update(binding=binding)
        row.binding = binding


def prolong(row: Intervention, until: datetime) -> None:
    """It ends no sooner than `until`: money may move until then."""
    if row.expires_at < until:
        Intervention.objects.filter(pk=row.pk).update(expires_at=until, challenge_expires_at=until)
        row.expires_at = row.challenge_expires_at = until


def overdue(now: datetime, most: int) -> list[Intervention]:
    """Running handoffs whose time is over, those first that waited longest."""
    rows = Intervention.objects.filter(kind=HANDOFF, state__in=OPEN, expires_at__lte=now)
    return list(rows.order_by("expires_at")[:most])


def end(
    subject: str, to: InterventionState, *, actor: str, note: str = "", overdue_at: datetime | None = None
) -> bool:
    """The subject's handoff has ended so, with `overdue_at` only one whose time was over then; False when
    there was none. Repeatable."""
    rows = Intervention.objects.select_for_update().filter(subject=subject, kind=HANDOFF, state__in=OPEN)
    if overdue_at is not None:
        rows = rows.filter(expires_at__lte=overdue_at)
    for row in (found := list(rows)):
        moves.move(row, to, actor=actor, note=note[:255])
    return bool(found)
