"""How long carts are kept, and what is wrong with the settings that say so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.utils import timezone

from checkout import carts
from gateway.conf import NAME, conf

MOST_BATCHES = 20
SHORTEST_SECONDS = 60


def sweep() -> int:
    """Carts past their deadline are closed; how many were. At most MOST_BATCHES batches a call."""
    now = timezone.now()
    return _in_batches(lambda: carts.sweep(now, batch=carts.BATCH))


def purge() -> int:
    """Carts that ended CART_KEEP_DAYS ago are gone; how many were. At most MOST_BATCHES batches a call."""
    edge = timezone.now() - timedelta(days=conf().CART_KEEP_DAYS)
    return _in_batches(lambda: carts.purge(edge, batch=carts.BATCH))


def _in_batches(work: Callable[[], int]) -> int:
    done = 0
    for _ in range(MOST_BATCHES):
        count = work()
        done += count
        if count < carts.BATCH:
            break
    return done


@register(Tags.compatibility)
def settings(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Carts live for a while, and are kept for a while."""
    found: list[CheckMessage] = []
    if not _whole(conf().CART_SECONDS, SHORTEST_SECONDS):
        text = f"{NAME}['CART_SECONDS'] must be a whole number of at least {SHORTEST_SECONDS}."
        found.append(Error(text, id="agentic.E260"))
    if not _whole(conf().CART_KEEP_DAYS, 1):
        text = f"{NAME}['CART_KEEP_DAYS'] must be a whole number of at least 1."
        found.append(Error(text, id="agentic.E261"))
    return found


def _whole(value: object, least: int) -> bool:
    return type(value) is int and value >= least
