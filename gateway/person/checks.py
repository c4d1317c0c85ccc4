"""System checks of what pages for people are set up with."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from gateway.conf import NAME, conf
from gateway.person import look

MOST_PROXIES = 10


@register(Tags.security)
def proxies(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """It is known which entry of X-Forwarded-For nobody else can write."""
    if type(conf().PROXIES) is int and 0 <= conf().PROXIES <= MOST_PROXIES:
        return []
    text = f"{NAME}['PROXIES'] is how many proxies of yours a request passes: 0 to {MOST_PROXIES}."
    return [Error(text, id="agentic.E080")]


@register(Tags.compatibility)
def appearance(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """The merchant's logo can be loaded, and what is written in the accent can be read."""
    found: list[CheckMessage] = []
    logo: Any = conf().LOGO
    accent: Any = conf().ACCENT
    if logo != "" and not look.is_logo(logo):
        text = f"{NAME}['LOGO'] must be an https address, or the path of a static file such as shop/logo.svg."
        found.append(Error(text, id="agentic.E081"))
    if accent == "":
        return found
    if not look.is_colour(accent):
        found.append(Error(f"{NAME}['ACCENT'] must be a colour such as #1a4fba.", id="agentic.E082"))
    elif (reached := look.contrast(accent, look.LIGHT_PAGE)) < look.READABLE:
        text = f"{NAME}['ACCENT'] cannot be read on white: {reached:.2f} to 1, and {look.READABLE} is needed."
        found.append(Error(text, hint="Take a darker one.", id="agentic.E083"))
    return found
