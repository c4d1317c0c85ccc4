"""The acquirer's books: an SQLite file in which whatever was answered is written down first.

One thread writes. It takes what waits in one transaction, so that one `fsync` serves many; each is
answered when that has happened, and one that fails takes none of the others with it.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

WAIT_SECONDS = 10
AT_ONCE = 64
TABLES = """
CREATE TABLE IF NOT EXISTS charges (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, key TEXT NOT NULL,
    session TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount >= 0), currency TEXT NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('authorized', 'captured', 'declined', 'requires_action', 'voided')),
    captured INTEGER NOT NULL DEFAULT 0 CHECK (captured BETWEEN 0 AND amount),
    decline_code TEXT, authenticated INTEGER NOT NULL DEFAULT 0, liability_shift INTEGER,
    challenge TEXT UNIQUE, behaviour TEXT NOT NULL, refunds TEXT NOT NULL, created_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS charges_by_key ON charges (key);
CREATE INDEX IF NOT EXISTS charges_by_time ON charges (created_at);
CREATE TABLE IF NOT EXISTS refunds (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, charge TEXT NOT NULL REFERENCES charges (id),
    amount INTEGER NOT NULL CHECK (amount > 0),
    state TEXT NOT NULL CHECK (state IN ('pending', 'completed', 'failed')),
    reason TEXT, becomes TEXT NOT NULL, due_at REAL NOT NULL, created_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS refunds_by_charge ON refunds (charge);
CREATE TABLE IF NOT EXISTS keys (
    key TEXT PRIMARY KEY, digest TEXT NOT NULL, status INTEGER NOT NULL, answer TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS keys_by_age ON keys (at);
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
    charge TEXT NOT NULL, key TEXT NOT NULL, session TEXT NOT NULL, created_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL REFERENCES events (id),
    due_at REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, status INTEGER, seconds REAL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'taken', 'given_up'))
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at) WHERE state = 'waiting';
"""

T = TypeVar("T")
Books = sqlite3.Connection
_Waiting = tuple[Callable[[Books], Any], "Future[Any]"]


class Ledger:
    """May be used by several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=True)
        with self.reading() as books:
            books.executescript("PRAGMA journal_mode = WAL;" + TABLES)
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        threading.Thread(target=self._keep, name="ledger", daemon=True).start()

    def write(self, act: Callable[[Books], T]) -> T:
        """What `act` returned, and it is on the disk. Raises what `act` raised, and nothing of it is."""
        done: Future[T] = Future()
        self._waiting.put((act, done))
        return done.result()

    @contextmanager
    def reading(self) -> Iterator[Books]:
        """The books as they are on the disk."""
        with closing(sqlite3.connect(self._path, timeout=WAIT_SECONDS, isolation_level=None)) as books:
            books.row_factory = sqlite3.Row
            # What was answered must survive the machine, too.
            books.execute("PRAGMA synchronous = FULL")
            yield books

    def _keep(self) -> None:
        with self.reading() as books:
            while True:
                batch = [self._waiting.get()]
                while len(batch) < AT_ONCE and not self._waiting.empty():
                    batch.append(self._waiting.get())
                _write(books, batch)


def _write(books: Books, batch: list[_Waiting]) -> None:
    done: list[tuple[Future[Any], Any]] = []
    try:
        books.execute("BEGIN IMMEDIATE")
        for act, waits in batch:
            books.execute("SAVEPOINT one")
            try:
                done.append((waits, act(books)))
            except Exception as problem:
                books.execute("ROLLBACK TO one")
                waits.set_exception(problem)
            books.execute("RELEASE one")
        books.execute("COMMIT")
    except Exception as problem:
        if books.in_transaction:
            books.execute("ROLLBACK")
        for _, waits in batch:
            if not waits.done():
                waits.set_exception(problem)
        return
    for waits, result in done:
        waits.set_result(result)
