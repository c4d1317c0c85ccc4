"""A system check: nobody but the demo believes the demo's agents, whose key everybody has (decision 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from gateway.conf import DEMO_ISSUER, DEMO_ISSUER_KEY, DEMO_SECRET, NAME, conf


@register(Tags.security)
def demo_issuer(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Outside the demo no issuer is pinned whose private key is in the source, under whatever name."""
    given: Any = conf().AAUTH_ISSUERS
    if conf().DEMO or not isinstance(given, Mapping):
        return []
    if not any(name == DEMO_ISSUER or _is_known(entry) for name, entry in given.items()):
        return []
    text = f"{NAME}['AAUTH_ISSUERS'] pins the demo's agents: anybody can sign as one of them."
    return [Error(text, id="agentic.E197")]


def _is_known(entry: object) -> bool:
    keys = entry.get("keys") if isinstance(entry, Mapping) else None
    return any(
        isinstance(key, Mapping)
        and (key.get("x") == DEMO_ISSUER_KEY["x"] or str(key.get("kid", "")).startswith(DEMO_SECRET))
        for key in (keys if isinstance(keys, list | tuple) else ())
    )
