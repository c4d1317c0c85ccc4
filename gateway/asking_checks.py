"""System checks of who has people confirm: the setting `INTERVENTIONS`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from checkout.asked import PAGES
from gateway.conf import DEMO_SECRET, NAME, conf
from gateway.plugs import provider_of
from interventions.weblinks import parse

WHERE = f"{NAME}['INTERVENTIONS']"


@register(Tags.security)
def interventions(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Every type that is named can be run, by a part whose pages are where people can trust them."""
    named: Any = conf().INTERVENTIONS
    if not isinstance(named, Mapping):
        return [Error(f"{WHERE} must be a dict of types.", id="agentic.E040")]
    return [found for kind, member in named.items() for found in _problems(kind, member)]


def _problems(kind: Any, member: Any) -> Iterator[CheckMessage]:
    if kind not in PAGES:
        known = ", ".join(sorted(PAGES))
        yield Error(f"{WHERE} names a type that no part can run. It can be: {known}.", id="agentic.E040")
        return
    try:
        part: Any = provider_of(member)
    except ImproperlyConfigured as problem:
        yield Error(f"{WHERE}['{kind}'] cannot be used: {problem}", id="agentic.E041")
        return
    lacking = [name for name in ("begin", "verify") if not callable(getattr(part, name, None))]
    lacking += [name for name in ("name", "origins") if not getattr(part, name, None)]
    if lacking:
        yield Error(f"{WHERE}['{kind}'] lacks: {', '.join(lacking)}.", id="agentic.E042")
    elif not all(_trusted(origin) for origin in part.origins):
        yield Error(f"{WHERE}['{kind}'] serves pages that are not https.", id="agentic.E043")
    if not conf().DEMO and any(str(value).startswith(DEMO_SECRET) for value in member.values()):
        yield Error(f"{WHERE}['{kind}'] holds the demo's secret, which everybody knows.", id="agentic.E044")


def _trusted(origin: Any) -> bool:
    """An origin as browsers write it, which leads where only its owner answers (ACP-154)."""
    try:
        link = parse(origin)
    except (ValueError, TypeError):
        return False
    return link.origin == origin and (link.scheme == "https" or conf().DEMO)
