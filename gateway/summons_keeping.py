"""How long it is kept what agents wanted of their persons, with the agents' texts (AA-215)."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from gateway.person_models import Summons

KEEP_DAYS = 90
"""So long a person finds it in their history."""
BATCH = 500


def purge() -> int:
    """What was asked for KEEP_DAYS ago and is over is gone, at most BATCH of it; how much. Repeatable, and
    safe beside itself."""
    edge = timezone.now() - timedelta(days=KEEP_DAYS)
    rows = Summons.objects.filter(created_at__lt=edge).exclude(state__in=Summons.OPEN)
    ids = list(rows.order_by("created_at").values_list("pk", flat=True)[:BATCH])
    return Summons.objects.filter(pk__in=ids).delete()[0]
