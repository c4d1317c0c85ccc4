"""Caps over sliding windows that hold for all subjects, agents and processes (T12, T14).

A tally keeps the moments themselves, a few at most, so that no window has an edge to wait for.
It is read and written under the lock of its row, and a write of somebody who did not see the
last one is refused. Who needs several tallies takes all their locks first, with `hold`, in the
one order that everybody keeps.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from interventions.errors import StateConflict
from interventions.models import Tally

BATCH = 500
MOST_TRIES = 5

Moments = list[list[float]]
"""Seconds since 1970, and how many were counted then; the newest last."""


@dataclass(frozen=True, slots=True)
class Cap:
    """So many in any window of so many seconds."""

    limit: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Spacing:
    """After the first in any window of so many seconds the first gap is kept, after the second the
    second, and the last one after every later one."""

    gaps_seconds: tuple[int, ...]
    seconds: int


def hold(keys: Collection[str], now: datetime) -> None:
    """The tallies of all these keys are locked until the transaction ends, in the order of their keys.

    Two who need the same ones wait for each other instead of for ever. Once in a transaction,
    before any of them is taken or given back; more than once only for keys that are held already.
    Raises StateConflict when they are swept away again and again.
    """
    wanted = sorted(set(keys))
    for _ in range(MOST_TRIES):
        missing = [Tally(key=key, window_ends_at=now) for key in wanted]
        # First all the rows, then all the locks: whoever waits for a row holds no lock that was there.
        Tally.objects.bulk_create(missing, ignore_conflicts=True)
        locked = Tally.objects.select_for_update().filter(pk__in=wanted).order_by("pk")
        if len(list(locked)) == len(wanted):
            return
    raise StateConflict


def take(
    key: str, caps: tuple[Cap, ...], now: datetime, *, spacing: Spacing | None = None, grain_seconds: int = 0
) -> bool:
    """One more is counted under `key` at `now`; False, and nothing counted, when a cap is reached
    or the spacing is not kept.

    With a grain, what happens within so many seconds is kept as one number, and counts at most so
    much longer than it should: for caps of many. Must run inside a transaction, and holds a lock
    on the tally until it ends. Raises StateConflict when the database has no row locks and
    somebody was faster.
    """
    longest = max(cap.seconds for cap in caps)
    moment = now.timestamp()
    ends_at = now + timedelta(seconds=longest + grain_seconds)
    tally = _locked(key, ends_at)
    known: Moments = [entry for entry in tally.moments if entry[0] > moment - longest]
    if any(_within(known, moment - cap.seconds) >= cap.limit for cap in caps):
        return False
    if spacing is not None and known and moment < known[-1][0] + _gap(spacing, known, moment):
        return False
    _write(tally, _added(known, _grained(moment, grain_seconds)), ends_at)
    return True


def taken(key: str, at: datetime) -> bool:
    """Whether something is counted under `key` at exactly that moment."""
    tally = Tally.objects.filter(pk=key).first()
    return tally is not None and any(entry[0] == at.timestamp() for entry in tally.moments)


def give_back(key: str, taken_at: datetime, *, grain_seconds: int = 0) -> None:
    """One that was taken at that moment no longer counts; nothing happens when it is not there.

    `grain_seconds` as when it was taken. Must run inside a transaction.
    """
    tally = Tally.objects.select_for_update().filter(pk=key).first()
    moment = _grained(taken_at.timestamp(), grain_seconds)
    if tally is not None and any(entry[0] == moment for entry in tally.moments):
        fewer = [[then, number - 1 if then == moment else number] for then, number in tally.moments]
        _write(tally, [entry for entry in fewer if entry[1] > 0], tally.window_ends_at)


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


def _within(known: Moments, since: float) -> float:
    return sum(number for then, number in known if then > since)


def _gap(spacing: Spacing, known: Moments, moment: float) -> int:
    before = int(_within(known, moment - spacing.seconds))
    gaps = spacing.gaps_seconds
    return gaps[min(before, len(gaps)) - 1] if gaps and before else 0


def _grained(moment: float, grain_seconds: int) -> float:
    """The end of the grain that the moment is in."""
    return math.ceil(moment / grain_seconds) * float(grain_seconds) if grain_seconds else moment


def _added(known: Moments, moment: float) -> Moments:
    if known and known[-1][0] == moment:
        return [*known[:-1], [moment, known[-1][1] + 1]]
    return [*known, [moment, 1]]


def _write(tally: Tally, moments: Moments, ends_at: datetime) -> None:
    seen = Tally.objects.filter(pk=tally.pk, version=tally.version)
    if not seen.update(moments=moments, window_ends_at=ends_at, version=tally.version + 1):
        raise StateConflict
