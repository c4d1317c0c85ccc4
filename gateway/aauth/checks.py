"""System checks of AAuth: each names the setting that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, Tags, register

from gateway.aauth import issuers
from gateway.conf import NAME, conf
from interventions import weblinks

CHOICES = {
    "AAUTH": (True, False),
    "AAUTH_WORDING": ("draft-11", "dual", "seed"),
    "AAUTH_UNKNOWN_AGENTS": ("buy", "browse", "refuse"),
    "AAUTH_UNANSWERED": ("expire", "continue"),
    "AAUTH_BUYERS_ASK": (True, False),
    "AAUTH_UPDATED_REQUESTS": (True, False),
}
BOUNDS: Mapping[str, tuple[float, float]] = {
    "AAUTH_SIGNATURE_SECONDS": (10, 300),
    "AAUTH_PENDING_SECONDS": (60, 24 * 3600),
    "AAUTH_WAIT_SECONDS": (0, 25),
    "AAUTH_WAITING": (0, 1000),
}
WHOLE = ("AAUTH_SIGNATURE_SECONDS", "AAUTH_PENDING_SECONDS", "AAUTH_WAITING")


@register(Tags.compatibility)
def settings(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Every setting of AAuth has a value that means something, also while it is off."""
    found: list[CheckMessage] = []
    for key, allowed in CHOICES.items():
        if getattr(conf(), key) not in allowed:
            names = ", ".join(map(str, allowed))
            found.append(Error(f"{NAME}['{key}'] must be one of: {names}.", id="agentic.E190"))
    for key, (least, most) in BOUNDS.items():
        value = getattr(conf(), key)
        numeric = type(value) is int or (key not in WHOLE and type(value) is float)
        if not numeric or not least <= value <= most:
            what = "a whole number" if key in WHOLE else "a number"
            text = f"{NAME}['{key}'] must be {what} from {least:g} to {most:g}."
            found.append(Error(text, id="agentic.E191"))
    return found


@register(Tags.security)
def wording(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Nobody speaks the oldest wording to real agents (decision 29)."""
    if conf().AAUTH_WORDING != "seed" or conf().DEMO:
        return []
    text = f"{NAME}['AAUTH_WORDING'] is 'seed', which is for the demo and for tests of conformance."
    return [Error(text, id="agentic.E192")]


@register(Tags.security)
def identifier(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Agents can name us: our address is an https name alone (AA-414)."""
    if not conf().AAUTH or conf().DEMO or issuers.is_identifier(conf().PUBLIC_URL):
        return []
    text = (
        f"{NAME}['PUBLIC_URL'] must be https and a name alone, in lower case and without a port: with AAUTH "
        "it is what agents sign for."
    )
    return [Error(text, id="agentic.E193")]


@register(Tags.security)
def pinned(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Every issuer in the settings has a name that an issuer can have, and keys or an address."""
    given: Any = conf().AAUTH_ISSUERS
    if not isinstance(given, Mapping):
        return [Error(f"{NAME}['AAUTH_ISSUERS'] must map names of issuers to dicts.", id="agentic.E194")]
    found: list[CheckMessage] = []
    for number, (name, entry) in enumerate(given.items(), start=1):
        for wrong in _wrong(name, entry):
            text = f"{NAME}['AAUTH_ISSUERS'], entry {number}, {wrong}."
            found.append(Error(text, id="agentic.E194"))
    return found


def _wrong(name: object, entry: object) -> Iterator[str]:
    if not issuers.is_identifier(name):
        yield "needs a name such as https://agents.example: https, lower case, no port and no path"
    if not isinstance(entry, Mapping) or set(entry) - {"metadata", "keys", "base_url"}:
        yield "must be a dict with 'metadata' and 'keys', or with 'base_url'"
    elif "base_url" in entry:
        if set(entry) != {"base_url"} or not _is_base(entry["base_url"]):
            yield "needs a 'base_url' alone that is https (in the demo also http on this machine), no path"
    elif not issuers.usable(entry.get("keys")) or not isinstance(entry.get("metadata", {}), Mapping):
        yield "needs 'keys', a list of public JWKs with a 'kid', and 'metadata', a dict"


def _is_base(url: object) -> bool:
    if not isinstance(url, str) or urlsplit(url).path.strip("/"):
        return False
    return weblinks.is_origin(url.rstrip("/"), loopback_http=conf().DEMO)
