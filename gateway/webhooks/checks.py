"""System checks of how agents are told of their orders: the `WEBHOOK_` settings."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from gateway.conf import NAME, conf
from gateway.webhooks import deliveries
from interventions.http import LONGEST_SECONDS


@register(Tags.compatibility)
def webhooks(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Events are tried at least once, and a try ends before somebody else may make it."""
    found: list[CheckMessage] = []
    delays: Any = conf().WEBHOOK_DELAYS_SECONDS
    if not isinstance(delays, tuple) or not delays or not all(_is_seconds(delay) for delay in delays):
        text = f"{NAME}['WEBHOOK_DELAYS_SECONDS'] must be one or more numbers of seconds."
        found.append(Error(text, id="agentic.E050"))
    if not 0 < conf().WEBHOOK_TIMEOUT_SECONDS <= LONGEST_SECONDS:
        text = f"{NAME}['WEBHOOK_TIMEOUT_SECONDS'] must be more than 0 and at most {LONGEST_SECONDS:g}."
        found.append(Error(text, id="agentic.E051"))
    elif deliveries.lease_seconds() <= 2 * conf().WEBHOOK_TIMEOUT_SECONDS:
        text = (
            f"{NAME}['MESSAGE_LEASE_SECONDS'] is too short for WEBHOOK_TIMEOUT_SECONDS: three times as long."
        )
        found.append(Error(text, id="agentic.E052"))
    found += [
        Error(f"{NAME}['{key}'] must be a whole number of at least 1.", id="agentic.E053")
        for key in ("WEBHOOK_AT_ONCE", "WEBHOOK_BREAKER_FAILURES", "WEBHOOK_KEEP_DAYS")
        if type(getattr(conf(), key)) is not int or getattr(conf(), key) < 1
    ]
    found += [
        Error(f"{NAME}['{key}'] must be a number of at least 0.", id="agentic.E054")
        for key in ("WEBHOOK_BREAKER_SECONDS", "WEBHOOK_RETRY_AFTER_SECONDS", "WEBHOOK_OVERLAP_HOURS")
        if not _is_seconds(getattr(conf(), key))
    ]
    return found


def _is_seconds(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value < float("inf")  # type: ignore[operator]
