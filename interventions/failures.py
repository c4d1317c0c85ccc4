"""How often who has people confirm failed lately, for operators. One write for each failure, so many
an hour at most; none for a success. Kept for an hour, in the tallies.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError, transaction
from django.utils import timezone

from interventions import tallies
from interventions.errors import InterventionError, ProviderSilent, StateConflict
from interventions.models import Tally
from interventions.tallies import Cap

log = logging.getLogger("agentic.interventions")

HOUR_SECONDS = 3600
GRAIN_SECONDS = 15
MOST_IN_AN_HOUR = 1000
"""More are not counted: a provider that is down must not make us write for every visitor."""


@dataclass(frozen=True, slots=True)
class Failures:
    """Of the last hour. `last_at` is exact to a quarter of a minute."""

    count: int
    last_at: datetime


@contextmanager
def noticed(kind: str) -> Iterator[None]:
    """What fails inside is remembered as a failure of whoever runs `kind`, and goes on."""
    try:
        yield
    except InterventionError as problem:
        if isinstance(problem, ProviderSilent):
            note(kind)
        raise
    except Exception:
        note(kind)
        raise


def note(kind: str) -> None:
    """One more failure is remembered, unless the database has more urgent things to do."""
    now = timezone.now()
    cap = (Cap(MOST_IN_AN_HOUR, HOUR_SECONDS),)
    try:
        with transaction.atomic():
            tallies.take(_key(kind), cap, now, grain_seconds=GRAIN_SECONDS)
    except (DatabaseError, StateConflict):
        log.warning("a failure of whoever runs %s was not counted", kind)


def recent(kinds: Iterable[str]) -> Mapping[str, Failures]:
    """The failures of the last hour, for the kinds that had any. One query."""
    now = timezone.now()
    keys = {_key(kind): kind for kind in kinds}
    since = (now - timedelta(seconds=HOUR_SECONDS)).timestamp()
    found = {}
    for tally in Tally.objects.filter(pk__in=keys):
        counted = [(then, number) for then, number in tally.moments if then > since]
        if counted:
            last = min(datetime.fromtimestamp(counted[-1][0], UTC), now)
            found[keys[tally.pk]] = Failures(int(sum(number for _, number in counted)), last)
    return found


def _key(kind: str) -> str:
    return f"silent:{kind}"
