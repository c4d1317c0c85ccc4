"""How what a merchant's servers send each other and agents is signed, and how a genuine one is told
(ACP-116 to ACP-118)."""

from __future__ import annotations

import hmac
import re

HEADER = "Merchant-Signature"
WINDOW_SECONDS = 300
"""In both directions: a time in the future is as wrong as an old one (T92)."""

_FORM = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})", re.ASCII)


def header(secret: bytes, body: bytes, at: int) -> str:
    """The `Merchant-Signature` over exactly these bytes, at this second."""
    return f"t={at},v1={_signature(secret, body, at)}"


def signed_at(secret: bytes, body: bytes, given: str, now: float) -> int | None:
    """The second at which who has the secret signed exactly these bytes; None when they did not, or not
    within the window. Several of the header are joined by a comma, and are none."""
    found = _FORM.fullmatch(given)
    if found is None:
        return None
    at = int(found[1])
    genuine = hmac.compare_digest(_signature(secret, body, at), found[2])
    return at if genuine and abs(now - at) <= WINDOW_SECONDS else None


def _signature(secret: bytes, body: bytes, at: int) -> str:
    return hmac.digest(secret, b"%d." % at + body, "sha256").hex()
