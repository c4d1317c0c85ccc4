"""Caps over sliding windows that hold for all subjects, agents and processes (T12, T14).

A tally keeps the moments themselves, a few at most, so that no window has an edge to wait for.
It is read and written under the lock of its row, and a write of somebody who did not see the
last one is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from interventions.errors import StateConflict
from interventions.models import Tally

BATCH = 500


@dataclass(frozen=True, slots=True)
class Cap:
    """So many in any window of so many seconds."""

    limit: int
    seconds: int


def take(key: str, caps: tuple[Cap, ...], now: datetime) -> bool:
    """One more is counted under `key` at `now`; False, and nothing counted, when a cap is reached.

    Must run inside a transaction, and holds a lock on the tally until it ends. Raises
    StateConflict when the database has no row locks and somebody was faster.
    """
    longest = max(cap.seconds for cap in caps)
    moment = now.timestamp()
    ends_at = now + timedelta(seconds=longest)
    tally = _locked(key, ends_at)
    known = [then for then in tally.moments if then > moment - longest]
    if any(sum(then > moment - cap.seconds for then in known) >= cap.limit for cap in caps):
        return False
    _write(tally, [*known, moment], ends_at)
    return True


def give_back(key: str, taken_at: datetime) -> None:
    """What was taken at that moment no longer counts; nothing happens when it is not there.

    Must run inside a transaction.
    """
    tally = Tally.objects.select_for_update().filter(pk=key).first()
    if tally is not None and taken_at.timestamp() in tally.moments:
        moments = list(tally.moments)
        moments.remove(taken_at.timestamp())
        _write(tally, moments, tally.window_ends_at)


def clear(key: str) -> bool:
    """Nothing is counted under `key` any more; whether something was. Repeatable."""
    return bool(Tally.objects.filter(pk=key).delete()[0])


def purge(now: datetime) -> int:
    """At most BATCH tallies that say nothing any more are gone; how many. Repeatable."""
    old = list(Tally.objects.filter(window_ends_at__lte=now).values_list("pk", flat=True)[:BATCH])
    return Tally.objects.filter(pk__in=old, window_ends_at__lte=now).delete()[0] if old else 0


def _locked(key: str, ends_at: datetime) -> Tally:
    rows = Tally.objects.select_for_update().filter(pk=key)
    tally = rows.first()
    if tally is None:
        # Two at once: the second one finds the row of the first, and waits for it.
        Tally.objects.bulk_create([Tally(key=key, window_ends_at=ends_at)], ignore_conflicts=True)
        tally = rows.get()
    return tally


def _write(tally: Tally, moments: list[float], ends_at: datetime) -> None:
    seen = Tally.objects.filter(pk=tally.pk, version=tally.version)
    if not seen.update(moments=moments, window_ends_at=ends_at, version=tally.version + 1):
        raise StateConflict
