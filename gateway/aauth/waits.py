"""A poll that is held until something changes (`Prefer: wait`, AA-023).

While it is held it has no transaction and no connection that anybody else could use, and makes one indexed
read a second; and each call holds one poll at a time: the newer one releases the older.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from gateway import holding
from gateway.aauth.problems import Problem
from gateway.conf import conf
from gateway.pending_models import PendingRequest
from gateway.person_models import Summons

Waiting = PendingRequest | Summons
"""What agents poll, and what is held of it: `state`, `updated_at`, `last_polled_at`."""

LOOK_SECONDS = 1.0
GENEROUS = 3
"""Only who polls faster than a third of what we asked for is told to slow down: for some agents that is
the end (AA-024)."""
_WAIT = re.compile(r"\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?:;.*)?", re.IGNORECASE)

pause: Callable[[float], None] = time.sleep
clock: Callable[[], float] = time.monotonic


def asked_for(request: HttpRequest) -> int:
    """How many seconds the agent would wait for an answer, 0 when it does not say; at most as many as we
    hold anybody."""
    for entry in request.META.get("HTTP_PREFER", "")[:1000].split(","):
        if found := _WAIT.fullmatch(entry):
            return min(int(found[1]), int(conf().AAUTH_WAIT_SECONDS))
    return 0


def not_too_fast(row: Waiting, changed_at: datetime, asked_for_seconds: int) -> None:
    """Raises Problem for a poll long before its time, when nothing changed since the last one (AA-024)."""
    last = row.last_polled_at
    if last is None or changed_at > last:
        return
    if timezone.now() - last < timedelta(seconds=asked_for_seconds / GENEROUS):
        text = "This is asked too often. Wait for as long as Retry-After says."
        raise Problem(429, "slow_down", text, {"Retry-After": str(asked_for_seconds)})


def until_changed(row: Waiting, seconds: int, also: Callable[[], object] = lambda: None) -> bool:
    """Something about the row has changed, or what `also` reads, or the time is over, or a newer poll came;
    False: it was not held at all, because too many are."""
    if connection.in_atomic_block:  # it would hold its locks as well
        return False
    with holding.place() as granted:
        if not granted:
            return False
        _hold(row, seconds, also)
    return True


def _hold(row: Waiting, seconds: int, also: Callable[[], object]) -> None:
    until = clock() + seconds
    seen, beside = _stamp(row), also()
    # What changed between the answer that we would give and now is not slept over.
    if seen is None or seen[:2] != (row.state, row.updated_at):
        return
    while (left := until - clock()) > 0:
        _release()
        pause(min(LOOK_SECONDS, left))
        if _stamp(row) != seen or also() != beside:
            return


def _release() -> None:
    """Nobody waits for a connection that this thread would sleep on. One that belongs to the thread for
    good stays: to open it anew for each look would cost everybody more."""
    of_the_thread = connection.settings_dict["CONN_MAX_AGE"] != 0
    if not of_the_thread or connection.settings_dict["OPTIONS"].get("pool"):
        connection.close()


def _stamp(row: Waiting) -> tuple[Any, datetime, datetime | None] | None:
    columns = ("state", "updated_at", "last_polled_at")
    return type(row)._default_manager.filter(pk=row.pk).values_list(*columns).first()
