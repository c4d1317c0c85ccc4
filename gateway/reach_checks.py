"""System checks of how people are reached, and where they may be sent."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from gateway.conf import NAME, conf
from interventions import weblinks
from interventions.reach_models import ReachChannel

KINDS = tuple(str(kind) for kind, _ in ReachChannel._meta.get_field("kind").flatchoices)
WHOLE = {
    "AAUTH_REFUSED_SECONDS": (0, 24 * 60 * 60),
    "AAUTH_RELAY_SECONDS": (10, 24 * 60 * 60),
    "AAUTH_RELAY_RATE": (1, 1_000),
    "REACH_PRESENT_SECONDS": (5, 300),
}


@register(Tags.compatibility)
def settings(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Each setting has a value that means something, also while nobody is reached."""
    found: list[CheckMessage] = []
    named: Any = conf().REACH_CHANNELS
    texts = [str(kind) for kind in named] if isinstance(named, tuple) else [""]
    if len(set(texts)) < len(texts) or not set(texts) <= set(KINDS):
        text = f"{NAME}['REACH_CHANNELS'] must be a list of ways, each of them once: {', '.join(KINDS)}."
        found.append(Error(text, id="agentic.E275"))
    for key, (least, most) in WHOLE.items():
        value = getattr(conf(), key)
        if type(value) is not int or not least <= value <= most:
            text = f"{NAME}['{key}'] must be a whole number from {least} to {most}."
            found.append(Error(text, id="agentic.E276"))
    allowed: Any = conf().AAUTH_RELAY_ORIGINS
    if not isinstance(allowed, tuple) or not all(
        weblinks.is_origin(one, loopback_http=conf().DEMO) for one in allowed
    ):
        text = f"{NAME}['AAUTH_RELAY_ORIGINS'] must be a list of origins such as https://shop.example."
        found.append(Error(text, id="agentic.E277"))
    return found
