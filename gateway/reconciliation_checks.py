"""System checks of the `RECONCILE_` settings: how the provider's books are compared with ours."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Info, Tags, register

from checkout.completion import ASK_AGAIN
from checkout.ports import LedgerProvider, ports
from gateway.conf import NAME, conf


@register(Tags.compatibility)
def reconciliation(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Periods follow each other without a gap, and nothing that is on its way is called a difference."""
    found: list[CheckMessage] = [
        Error(f"{NAME}['{key}'] must be a number of at least 0.", id="agentic.E140")
        for key in ("RECONCILE_SECONDS", "RECONCILE_DAYS", "RECONCILE_GRACE_SECONDS")
        if not _is_number(getattr(conf(), key))
    ]
    shared: Any = conf().RECONCILE_SHARED_ACCOUNT
    if type(shared) is not bool:
        text = f"{NAME}['RECONCILE_SHARED_ACCOUNT'] must be True or False."
        found.append(Error(text, id="agentic.E141"))
    if found:
        return found
    if conf().RECONCILE_SECONDS and conf().RECONCILE_DAYS * 86_400 < conf().RECONCILE_SECONDS:
        text = f"{NAME}['RECONCILE_DAYS'] is shorter than RECONCILE_SECONDS: what is between is not compared."
        found.append(Error(text, id="agentic.E142"))
    times = ASK_AGAIN[1]  # the last is for what nobody hears of for a day; undoing it before does no harm
    longest = times * conf().ATTEMPT_SECONDS
    if longest >= conf().RECONCILE_GRACE_SECONDS:
        text = (
            f"{NAME}['RECONCILE_GRACE_SECONDS'] must be more than {times} times ATTEMPT_SECONDS, "
            f"{longest:g}: a given-up attempt is asked about again only then."
        )
        found.append(Error(text, id="agentic.E143"))
    return found + _ledger()


def _ledger() -> list[CheckMessage]:
    try:
        readable = isinstance(ports().payments, LedgerProvider)
    except RuntimeError:  # nothing is plugged in, which has checks of its own
        return []
    if readable or not conf().RECONCILE_SECONDS:
        return []
    text = f"{NAME}['PAYMENTS'] has no ledger that can be read: its books are not compared with ours."
    hint = "Give it `entries` (checkout.ports.LedgerProvider), or set RECONCILE_SECONDS to 0."
    return [Info(text, hint=hint, id="agentic.I002")]


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value < float("inf")  # type: ignore[operator]
