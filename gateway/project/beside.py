"""The demo's arrangement with the sandbox wallet, which is served beside the shop and treated as a
stranger: what the wallet was told, and what the shop was told."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CLIENT = "demo-shop"
SECRET = "demo-only-wallet-secret-published-in-the-source-code"


def told_the_wallet(public_url: str, books: Path) -> dict[str, Any]:
    """`AGENTIC_WALLET`: one merchant, whose pages are at `public_url`."""
    return {
        "ISSUER": f"{public_url}/sandbox-wallet",
        "BOOKS": str(books),
        "CLIENTS": [
            {
                "id": CLIENT,
                "secret": SECRET,
                "name": "Demo Shop",
                "redirect_uris": [f"{public_url}/agentic/confirm/*/return"],
                "embed_origins": [public_url],
            }
        ],
    }


def told_the_shop(public_url: str) -> dict[str, Any]:
    """Members of `AGENTIC_GATEWAY`: who runs redirects, and that it may be asked on this machine."""
    issuer, address = f"{public_url}/sandbox-wallet", urlsplit(public_url)
    wallet = {
        "part": "gateway.openid.provider",
        "issuer": issuer,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "name": "Sandbox wallet",
        "readback_url": f"{issuer}/confirmations/{{id}}",
    }
    return {
        "INTERVENTIONS": {"redirect": wallet},
        "EGRESS_LOOPBACK": [f"{address.hostname}:{address.port or 80}"],
    }
