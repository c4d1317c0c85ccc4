"""What an agent owes its buyer before it sends them anywhere: section 6 of the intervention extension.

The rules are an agent's own. The merchant under test may break any of them; then nobody is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from gateway.demo.answers import BrokenPromise
from gateway.demo.client import origin

OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class Untrusted(BrokenPromise):
    """The buyer is not sent to that address. The text says why."""


def trusted(url: str, origins: frozenset[str]) -> str:
    """Where the address leads, in words for the buyer, when it is safe to open.

    https, or http on this machine when the merchant is there too, which is this demo's own rule;
    nothing hidden in it; and one of `origins`: the merchant's own and the recognised providers'.
    Raises Untrusted.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise Untrusted("the address to open is an address") from None
    if not url.isascii() or not url.isprintable() or "\\" in url or " " in url or "@" in parts.netloc:
        raise Untrusted("nothing is hidden in the address to open")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in OWN_MACHINE):
        raise Untrusted("the address to open is https")
    if origin(url) not in origins:
        raise Untrusted("the address to open is the merchant's, or a known provider's")
    return parts.netloc


def lapsed(context: Mapping[str, Any], now: datetime) -> bool:
    """The time to answer is over, so it counts as failed; also when nobody can read it."""
    if "expires_at" not in context:
        return False
    try:
        return datetime.fromisoformat(str(context["expires_at"])) <= now
    except (ValueError, TypeError):
        return True
