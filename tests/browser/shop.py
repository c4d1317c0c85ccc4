"""The demo shop, served for people and agents."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from gateway.demo.mailbox import Mailbox
from tests.project.server import Server


@dataclass(frozen=True, slots=True)
class Shop:
    """The demo shop as people and agents reach it. By name: a passkey knows no addresses."""

    url: str
    server: Server
    mailbox: Mailbox
    """What the shop wrote to buyers: `shop.mailbox.code_for(address)`."""

    def holds(self, page: Page) -> bool:
        """The page is one of the shop's own, not the wallet's beside it."""
        return page.url.startswith(f"{self.url}/") and "/sandbox-wallet/" not in page.url

    def lapse(self, session: dict[str, Any]) -> None:
        """The time to answer is over. The server's clock cannot be moved; what it wrote down can."""
        past = datetime.now(UTC) - timedelta(seconds=1)
        books = sqlite3.connect(self.server.folder / "var" / "gateway.sqlite3", timeout=20)
        with closing(books), books:
            moved = books.execute(
                "UPDATE agentic_intervention SET challenge_expires_at = ?1, expires_at = ?1"
                " WHERE subject = ?2",
                (past.strftime("%Y-%m-%d %H:%M:%S.%f"), session["id"]),
            )
            assert moved.rowcount == 1


@contextmanager
def served(folder: Path, settings: str = "", **variables: str) -> Iterator[Shop]:
    """A real server with its relay and with books of its own in `folder`; afterwards it is gone."""
    with Server(folder, settings, **variables).start() as server:
        yield Shop(f"http://localhost:{server.port}", server, Mailbox(folder / "var" / "mail"))
