"""The demo's arrangement with the sandbox wallet and the sandbox bank, which are served beside the
shop and treated as strangers: what they were told, and what the shop was told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.conf import DEMO_EMBEDDERS, DEMO_ISSUER, DEMO_ISSUER_KEY
from interventions.weblinks import LOOPBACK, parse

RECEIVER_PORT = 8201
"""Where the demo agent hears of its orders, on this machine."""
CLIENT = "demo-shop"
SECRET = "demo-only-wallet-secret-published-in-the-source-code"
BANK_CLIENT = "demo-payments"
BANK_SECRET = "demo-only-bank-secret-published-in-the-source-code"


PINNED: dict[str, Any] = {
    DEMO_ISSUER: {
        "metadata": {"issuer": DEMO_ISSUER, "name": "Demo agents"},
        "keys": [DEMO_ISSUER_KEY],
    }
}
"""`AAUTH_ISSUERS`: the demo's agents are vouched for by keys in the source; nothing is fetched."""


def told_the_wallet(
    public_url: str, books: Path, *, embedders: tuple[str, ...] = DEMO_EMBEDDERS
) -> dict[str, Any]:
    """`AGENTIC_WALLET`: one merchant, whose pages are at `public_url`, and are shown by `embedders`: a
    browser asks the innermost page about all the pages around it."""
    return {
        "ISSUER": f"{public_url}/sandbox-wallet",
        "BOOKS": str(books),
        "CLIENTS": [
            {
                "id": CLIENT,
                "secret": SECRET,
                "name": "Demo Shop",
                "redirect_uris": [f"{public_url}/agentic/confirm/*/return"],
                "embed_origins": [public_url, *embedders],
            }
        ],
    }


def told_the_bank(public_url: str, books: Path) -> dict[str, Any]:
    """`AGENTIC_BANK`: one payment provider, the sandbox, whose merchant's pages are at `public_url`."""
    return {
        "ISSUER": f"{public_url}/sandbox-bank",
        "BOOKS": str(books),
        "CLIENTS": [
            {
                "id": BANK_CLIENT,
                "secret": BANK_SECRET,
                "name": "Demo Shop",
                "redirect_uris": [f"{public_url}/agentic/confirm/*/return"],
            }
        ],
    }


def loopback(url: str) -> list[str]:
    """A member of `EGRESS_LOOPBACK` for an http address of this machine; none for any other."""
    try:
        link = parse(url)
    except ValueError:  # reported by a system check
        return []
    return [link.authority] if link.scheme == "http" and link.host in LOOPBACK else []


def told_the_shop(
    public_url: str, instead: Mapping[str, Any] | None = None, *, receiver_port: int = RECEIVER_PORT
) -> dict[str, Any]:
    """Members of `AGENTIC_GATEWAY`: who runs redirects and embedded pages, unless `instead` names
    somebody, which bank is behind the sandbox's cards, and that both, and the demo agent's receiver,
    may be asked on this machine."""
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
        "INTERVENTIONS": {
            "redirect": wallet,
            "webview": {**wallet, "embed_url": f"{issuer}/embed"},
            "biometric": {"part": "gateway.passkeys.provider"},
            **(instead or {}),
        },
        "SANDBOX_BANK": {
            "url": f"{public_url}/sandbox-bank",
            "client_id": BANK_CLIENT,
            "client_secret": BANK_SECRET,
        },
        "EGRESS_LOOPBACK": [
            f"{address.hostname}:{address.port or 80}",
            f"127.0.0.1:{receiver_port}",
        ],
    }
