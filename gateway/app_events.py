"""What the merchant's server says of a person's app: that it is there, that it is gone, that the person has
opened there what waits for them.

Nothing of it consents to anything, or proves who somebody is: it says how a person can be reached, or that
they were. Each message counts for the second at which it was signed, so that one that comes late, or comes
again, never undoes a later one (T89).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from gateway import keys
from gateway.app_models import AppEvent
from gateway.persons import persons
from interventions.prepared import insert
from interventions.reach_models import ReachChannel

log = logging.getLogger("agentic.app")

INSTALLED, GONE, ENGAGED = "app.installed", "app.gone", "request.engaged"
PURPOSE = "a person's app"
KEEP = timedelta(days=1)
"""Many times the window in which a signature holds."""
BATCH = 500

Engage = Callable[[str, str], bool]
"""The person has seen what waits for them; False when it is no such thing, or not theirs, or over. Consents
to nothing. Repeatable; opens its own transactions."""


class Unknown(Exception):
    """There is no such person, or nothing of that name waits for them; which of both is not said."""


@dataclass(frozen=True, slots=True)
class Said:
    """A genuine message."""

    id: str
    type: str
    person: str
    at: int
    """The second at which it was signed."""
    request: str = ""
    """What waits for the person: the `id` of what they were told."""


def nobody_engages(request: str, person: str) -> bool:
    """Nothing waits for anybody."""
    return False


_engage: Engage = nobody_engages


def plug(engage: Engage) -> None:
    """`engage` knows what waits for people. Called at start-up, and by tests."""
    global _engage
    _engage = engage


def hear(said: Said) -> bool:
    """What was said is so; False when it had been heard before. Repeatable: what it does is done before its
    id is kept, and doing it twice is doing it once. Raises Unknown. No transaction may be open."""
    if AppEvent.objects.filter(pk=said.id).exists():
        return False
    if persons().by_id(said.person) is None:
        raise Unknown
    if said.type == ENGAGED:
        if not _engage(said.request, said.person):
            raise Unknown
        return _keep(said)
    with transaction.atomic(durable=True):
        _stands(said)
        return _keep(said)


def purge() -> int:
    """Ids of long ago are forgotten, at most one batch; how many. Repeatable."""
    old = AppEvent.objects.filter(created_at__lt=timezone.now() - KEEP).order_by("created_at")
    return AppEvent.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:BATCH])).delete()[0]


def _keep(said: Said) -> bool:
    return bool(insert([AppEvent(event=said.id)], unless_there=True))


def _stands(said: Said) -> None:
    """The person's app is there, or gone, since that second, unless something later was heard."""
    at = datetime.fromtimestamp(said.at, UTC)
    rows = ReachChannel.objects.filter(person=said.person, kind=ReachChannel.WEBHOOK)
    known = keys.digests(said.person.encode(), PURPOSE)
    row = rows.filter(fingerprint__in=known).first()
    if row is None:
        row, _ = rows.get_or_create(
            person=said.person, kind=ReachChannel.WEBHOOK, fingerprint=known[0], defaults={"label": "app"}
        )
    rows = rows.filter(pk=row.pk)
    if said.type == INSTALLED:
        # Whether they want to be reached so is the person's to say.
        rows.filter(Q(verified_at=None) | Q(verified_at__lt=at)).update(verified_at=at)
    else:
        rows.filter(Q(failed_at=None) | Q(failed_at__lt=at)).update(failed_at=at)
