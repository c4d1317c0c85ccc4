"""The wallet's own books: what people decided, codes on their way, and the keys it signs with.

An SQLite file that several processes share. Codes are kept as hashes; each works once.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CODE_SECONDS = 60
WAIT_SECONDS = 10
TABLES = """
CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, private TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS confirmations (
    client TEXT NOT NULL, id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('approved', 'denied', 'abandoned')),
    amount INTEGER NOT NULL, currency TEXT NOT NULL, decided_at INTEGER NOT NULL, PRIMARY KEY (client, id)
);
CREATE TABLE IF NOT EXISTS codes (
    digest TEXT PRIMARY KEY, client TEXT NOT NULL, redirect_uri TEXT NOT NULL, confirmation TEXT NOT NULL,
    nonce TEXT NOT NULL, challenge TEXT NOT NULL, behaviour TEXT NOT NULL, slow_seconds REAL NOT NULL,
    expires_at REAL NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a purchase. `decided_at` is in seconds since 1970."""

    id: str
    status: str
    """approved, denied or abandoned; the first two are final."""
    amount: int
    currency: str
    decided_at: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code stands for."""

    client: str
    redirect_uri: str
    confirmation: str
    nonce: str = field(repr=False)
    challenge: str = field(repr=False)
    behaviour: str
    slow_seconds: float


class Books:
    """Opens the file for each question; may be used by several threads and processes."""

    tables = TABLES

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=True)
        with self._open() as books:
            books.executescript("PRAGMA journal_mode = WAL;" + self.tables)

    def key(self, name: str, make: Any) -> dict[str, Any]:
        """The private key of that name; `make` is called once, ever, unless two ask at once."""
        with self._writing() as books:
            found = books.execute("SELECT private FROM keys WHERE name = ?", (name,)).fetchone()
            if found is None:
                found = (json.dumps(make()),)
                books.execute("INSERT INTO keys VALUES (?, ?)", (name, *found))
        private: dict[str, Any] = json.loads(found[0])
        return private

    def decide(self, client: str, id: str, status: str, amount: int, currency: str) -> Decision:
        """The decision that stands: this one, or an earlier yes or no. Repeatable."""
        with self._writing() as books:
            books.execute(
                "INSERT INTO confirmations VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (client, id) DO UPDATE"
                " SET status = excluded.status, amount = excluded.amount, currency = excluded.currency,"
                " decided_at = excluded.decided_at WHERE status = 'abandoned'",
                (client, id, status, amount, currency, int(time.time())),
            )
        found = self.decision(client, id)
        assert found is not None
        return found

    def decision(self, client: str, id: str) -> Decision | None:
        """What was decided; None when nobody has."""
        query = (
            "SELECT id, status, amount, currency, decided_at FROM confirmations WHERE client = ? AND id = ?"
        )
        with self._open() as books:
            found = books.execute(query, (client, id)).fetchone()
        return Decision(*found) if found else None

    def new_code(self, grant: Grant) -> str:
        """A code for the grant. It works once, for a minute."""
        code = secrets.token_urlsafe(32)
        row = (
            *(_digest(code), grant.client, grant.redirect_uri, grant.confirmation, grant.nonce),
            *(grant.challenge, grant.behaviour, grant.slow_seconds, time.time() + CODE_SECONDS),
        )
        with self._writing() as books:
            books.execute("DELETE FROM codes WHERE expires_at < ?", (time.time(),))
            books.execute(f"INSERT INTO codes VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608
        return code

    def redeem(self, code: str, client: str, redirect_uri: str) -> Grant | None:
        """What the code stands for; it is used up. None for any other code, client or address."""
        with self._writing() as books:
            found = books.execute(
                "DELETE FROM codes WHERE digest = ? AND client = ? AND redirect_uri = ? AND expires_at >= ?"
                " RETURNING client, redirect_uri, confirmation, nonce, challenge, behaviour, slow_seconds",
                (_digest(code), client, redirect_uri, time.time()),
            ).fetchone()
        return Grant(*found) if found else None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=WAIT_SECONDS, isolation_level=None)) as books:
            yield books

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._open() as books:
            books.execute("BEGIN IMMEDIATE")
            try:
                yield books
            except BaseException:
                books.execute("ROLLBACK")
                raise
            books.execute("COMMIT")


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
