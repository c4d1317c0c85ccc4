"""System checks of how long a payment may take: leases, deadlines and calls have to fit together."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from gateway.conf import NAME, conf

MOST_FAILURES = 20
LONGEST_PAUSE_SECONDS = 30


@register(Tags.compatibility)
def payments(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """A claim, an attempt and an effect outlive the provider's calls they wait for, and a provider
    that answers again is noticed soon."""
    settings = conf()
    seconds = settings.PAYMENT_SECONDS
    if type(seconds) not in (int, float) or not 0 < seconds < float("inf"):
        return [Error(f"{NAME}['PAYMENT_SECONDS'] must be a number above 0.", id="agentic.E091")]
    found: list[CheckMessage] = [
        Error(f"{NAME}['{key}'] must be longer than PAYMENT_SECONDS.", id="agentic.E092")
        for key in ("IDEMPOTENCY_LEASE_SECONDS", "ATTEMPT_SECONDS")
        if getattr(settings, key) <= seconds
    ]
    if 2 * seconds >= settings.MESSAGE_LEASE_SECONDS:
        text = (
            f"{NAME}['MESSAGE_LEASE_SECONDS'] must be longer than twice PAYMENT_SECONDS: undoing asks first."
        )
        found.append(Error(text, id="agentic.E093"))
    failures, pause = settings.PAYMENT_BREAKER_FAILURES, settings.PAYMENT_BREAKER_SECONDS
    if type(failures) is not int or not 1 <= failures <= MOST_FAILURES:
        text = f"{NAME}['PAYMENT_BREAKER_FAILURES'] must be a whole number from 1 to {MOST_FAILURES}."
        found.append(Error(text, id="agentic.E094"))
    if type(pause) not in (int, float) or not 0 < pause <= LONGEST_PAUSE_SECONDS:
        text = f"{NAME}['PAYMENT_BREAKER_SECONDS'] must be above 0 and at most {LONGEST_PAUSE_SECONDS}."
        found.append(Error(text, id="agentic.E095"))
    if type(settings.PAYMENT_EVENTS_KEEP_DAYS) is not int or settings.PAYMENT_EVENTS_KEEP_DAYS < 1:
        text = f"{NAME}['PAYMENT_EVENTS_KEEP_DAYS'] must be a whole number of at least 1."
        found.append(Error(text, id="agentic.E096"))
    return found
