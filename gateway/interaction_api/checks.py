"""System checks of the Interaction API: its settings, and the merchant's own capabilities (AJ-112)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, Tags, register

from gateway.conf import NAME, conf
from gateway.interaction_api import cors, legality, rates, registry

FASTEST = 100_000
_BASE = re.compile(r"(?:/[A-Za-z0-9_.~-]+)+", re.ASCII)


@register(Tags.compatibility)
def interaction_api(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """What was configured can be served as it was meant."""
    return [*_base(), *_rates(), *_origins()]


@register(Tags.compatibility)
def capabilities(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Every capability that the merchant registered is served."""
    return [
        Error(f"The capability '{entry.name}' {problem}. Agents cannot call it.", id="agentic.E163")
        for entry, problem in legality.flaws(registry.builtin(), registry.own())
    ]


def _base() -> Iterator[CheckMessage]:
    base: Any = conf().INTERACTION_BASE
    if not isinstance(base, str) or not _BASE.fullmatch(base.removesuffix("/")):
        text = f"{NAME}['INTERACTION_BASE'] must be a path such as /.well-known/agents/api."
        yield Error(text, id="agentic.E160")


def _rates() -> Iterator[CheckMessage]:
    settings = conf()
    named: Any = settings.INTERACTION_RATES
    if not _is_rate(settings.INTERACTION_RATE):
        text = f"{NAME}['INTERACTION_RATE'] must be a whole number of requests a minute, 1 to {FASTEST:,}."
        yield Error(text, id="agentic.E161")
    if not isinstance(named, Mapping):
        yield Error(f"{NAME}['INTERACTION_RATES'] must be a dict.", id="agentic.E162")
        return
    known = {*rates.RATES, *(entry.name for entry in (*registry.builtin(), *registry.own()))}
    for name, rate in named.items():
        if name not in known:
            text = (
                f"{NAME}['INTERACTION_RATES'] names {name!r}, which is none of: {', '.join(sorted(known))}."
            )
            yield Error(text, id="agentic.E162")
        elif not _is_rate(rate):
            text = f"{NAME}['INTERACTION_RATES'][{name!r}] must be a whole number, 1 to {FASTEST:,}."
            yield Error(text, id="agentic.E162")


def _origins() -> Iterator[CheckMessage]:
    given: Any = conf().INTERACTION_ORIGINS
    if not isinstance(given, tuple) or not all(isinstance(origin, str) for origin in given):
        yield Error(f"{NAME}['INTERACTION_ORIGINS'] must be a list of origins.", id="agentic.E164")
        return
    for origin in given:
        if origin != cors.EVERYBODY and not _is_origin(origin):
            text = (
                f"{NAME}['INTERACTION_ORIGINS'] has {origin!r}: an origin is such as https://agent.example."
            )
            yield Error(text, id="agentic.E164")


def _is_rate(value: Any) -> bool:
    return type(value) is int and 1 <= value <= FASTEST


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and text == _spelled(text)
    except ValueError:
        return False


def _spelled(text: str) -> str:
    """As a browser writes it: scheme, host and perhaps port, in lower case, and nothing else."""
    parts = urlsplit(text)
    return f"{parts.scheme}://{parts.netloc}".lower()
