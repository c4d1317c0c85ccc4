"""When a delivery is tried again (reliability-security 1.3)."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from django.utils import timezone

from gateway.conf import conf

JITTER = 0.2


def next_try(tries: int, now: datetime, retry_after: str = "") -> datetime | None:
    """When to try after `tries` failures, not before the receiver asked for; None: never again."""
    delays = conf().WEBHOOK_DELAYS_SECONDS
    if tries >= len(delays):
        return None
    seconds = delays[tries] * random.uniform(1 - JITTER, 1 + JITTER)
    return now + timedelta(seconds=max(seconds, asked_for(retry_after, now)))


def asked_for(retry_after: str, now: datetime) -> float:
    """The seconds a Retry-After asks for, in either of its forms, within our bound; 0 for none."""
    text = retry_after.strip()
    most = conf().WEBHOOK_RETRY_AFTER_SECONDS
    if text.isascii() and text.isdigit():
        # Endless digits are no number to compute with.
        return most if len(text) > 9 else min(float(text), most)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    if timezone.is_naive(at):
        return 0.0
    return min(max((at - now).total_seconds(), 0.0), most)
