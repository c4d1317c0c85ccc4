"""Who may ask the wallet, and where its answers may go: the setting `AGENTIC_WALLET`. The sandbox
bank has one of the same form, `AGENTIC_BANK`.

AGENTIC_WALLET = {
    "ISSUER": "http://localhost:8000/sandbox-wallet",
    "BOOKS": "/var/lib/wallet.sqlite3",
    "CLIENTS": [{"id": "shop", "secret": "...", "name": "Demo Shop", "redirect_uris": ["https://..."]}],
}
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

NAME = "AGENTIC_WALLET"
BANK = "AGENTIC_BANK"


@dataclass(frozen=True, slots=True)
class Client:
    """A merchant that may send people here."""

    id: str
    secret: str = field(repr=False)
    name: str
    """How people know the merchant; what a request says about it is not believed."""
    redirect_uris: tuple[str, ...]
    """Exact; a star stands for one segment of the path, such as the ticket of a confirmation."""
    embed_origins: tuple[str, ...] = ()
    """Who may show the embedded page in a frame, and is told by a message when it is done."""
    algorithm: str = "ES256"
    """How its identity tokens are signed: ES256 or RS256."""

    def knows(self, redirect_uri: str) -> bool:
        """The address is one of those registered, character by character."""
        return any(_pattern(uri).fullmatch(redirect_uri) for uri in self.redirect_uris)

    def has(self, secret: str) -> bool:
        """In constant time."""
        return hmac.compare_digest(self.secret.encode(), secret.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Registration:
    """The wallet's own name, its books, and its clients by their id."""

    issuer: str
    books: Path
    clients: dict[str, Client]

    @property
    def origin(self) -> str:
        """Where its pages come from, as a browser writes it."""
        address = urlsplit(self.issuer)
        return f"{address.scheme}://{address.netloc}"


def registration(name: str = NAME) -> Registration:
    """The setting in force. Raises ImproperlyConfigured's kin when it is missing."""
    given = getattr(settings, name)
    clients = (
        Client(
            id=client["id"],
            secret=client["secret"],
            name=client["name"],
            redirect_uris=tuple(client["redirect_uris"]),
            embed_origins=tuple(client.get("embed_origins", ())),
            algorithm=client.get("algorithm", "ES256"),
        )
        for client in given["CLIENTS"]
    )
    return Registration(
        given["ISSUER"].rstrip("/"), Path(given["BOOKS"]), {client.id: client for client in clients}
    )


def _pattern(uri: str) -> re.Pattern[str]:
    return re.compile(re.escape(uri).replace(r"\*", "[A-Za-z0-9_-]{1,200}"), re.ASCII)
