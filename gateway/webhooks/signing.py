"""How a delivery is signed, and how a receiver tells a genuine one (ACP-116 to ACP-118)."""

from __future__ import annotations

import hmac


def header(secret: bytes, body: bytes, at: int) -> str:
    """The `Merchant-Signature` over exactly these bytes, at this second."""
    signature = hmac.digest(secret, b"%d." % at + body, "sha256").hex()
    return f"t={at},v1={signature}"
