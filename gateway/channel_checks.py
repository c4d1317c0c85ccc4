"""System checks of how one-time codes reach people: the settings `OTP_CHANNELS` and `SMS`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from gateway.conf import DEMO_SECRET, NAME, conf
from gateway.plugs import provider_of
from interventions.channels.by_name import NAMES, SMS
from interventions.ports import TextMessages

CHANNELS, TEXTS = f"{NAME}['OTP_CHANNELS']", f"{NAME}['SMS']"
DEMO_PARTS = "gateway.project."
"""Where the parts are that write into files instead of to people."""


@register(Tags.security)
def channels(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Every way that is named leads to people, and somebody carries what goes that way."""
    named: Any = conf().OTP_CHANNELS
    if not isinstance(named, tuple) or not named or len(set(map(str, named))) < len(named):
        return [Error(f"{CHANNELS} must be a list of ways, each of them once.", id="agentic.E070")]
    found: list[CheckMessage] = []
    if not set(map(str, named)) <= set(NAMES):
        text = f"{CHANNELS} names a way that is not known here. It can be: {', '.join(NAMES)}."
        found.append(Error(text, id="agentic.E070"))
    return found + list(_carried()) if SMS in named or conf().SMS else found


def _carried() -> Iterator[CheckMessage]:
    named: Any = conf().SMS
    try:
        part = provider_of(named)
    except ImproperlyConfigured as problem:
        yield Error(f"{TEXTS} cannot be used: {problem}", id="agentic.E071")
        return
    if not isinstance(part, TextMessages):
        yield Error(f"{TEXTS} lacks: send.", id="agentic.E072")
    if not conf().DEMO and _of_the_demo(named):
        yield Error(
            f"{TEXTS} is the demo's: it texts nobody, or everybody knows its secret.", id="agentic.E073"
        )


def _of_the_demo(named: Mapping[str, Any]) -> bool:
    values = [str(value) for value in named.values()]
    return any(value.startswith((DEMO_SECRET, DEMO_PARTS)) for value in values)
