"""Merchants are told of their charges: signed messages from rows that survive a killed process.

A message is written down in the transaction that causes it and is sent at least once. It is a hint:
whoever gets it asks for the charge.
"""

from __future__ import annotations

import hmac
import http.client
import json
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from gateway.acquirer import charges
from gateway.acquirer.faults import Programme
from gateway.acquirer.ledger import Books, Ledger

log = logging.getLogger("acquirer.sending")

SIGNATURE = "Acquirer-Signature"
DELAYS_SECONDS = (1.0, 2.0, 5.0, 15.0, 30.0)
"""After each try that failed; then the message is given up."""
TIMEOUT_SECONDS = 5.0
LOOK_SECONDS = 0.05
AT_ONCE = 8
BATCH = 64


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where a merchant hears of its charges."""

    url: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sender:
    """`announce` is called inside the ledger's writer; `run` sends what is due, for ever."""

    ledger: Ledger
    programme: Programme
    receiver: Receiver | None

    def announce(self, books: Books, type: str, charge: sqlite3.Row) -> None:
        """The event is written down, with as many deliveries as were asked for."""
        now, id = time.time(), "evt_" + secrets.token_hex(12)
        told = (id, type, charge["id"], charge["key"], charge["session"], int(now * 1_000_000))
        books.execute(
            "INSERT INTO events (id, type, charge, key, session, created_at) VALUES (?, ?, ?, ?, ?, ?)", told
        )
        for _ in range(self.programme.webhooks.copies if self.receiver else 0):
            due = now + self.programme.later()
            books.execute("INSERT INTO deliveries (event, due_at) VALUES (?, ?)", (id, due))

    def start(self) -> None:
        """A thread of its own does it until the process ends."""
        threading.Thread(target=self._run, name="sender", daemon=True).start()

    def _run(self) -> None:
        with ThreadPoolExecutor(AT_ONCE) as posting:
            while True:
                try:
                    busy = self._turn(posting)
                except Exception:
                    log.exception("The sender stumbled")
                    busy = False
                if not busy:
                    time.sleep(LOOK_SECONDS)

    def _turn(self, posting: ThreadPoolExecutor) -> bool:
        """Whatever was due was sent once, and refunds whose time has come have ended."""
        with self.ledger.reading() as books:
            ending = charges.ending(books).fetchone()
            due = books.execute(
                "SELECT deliveries.seq AS delivery, deliveries.tries, events.* FROM deliveries"
                " JOIN events ON events.id = deliveries.event"
                " WHERE deliveries.state = 'waiting' AND deliveries.due_at <= ?"
                " ORDER BY deliveries.due_at LIMIT ?",
                (time.time(), BATCH),
            ).fetchall()
        if ending:
            self.ledger.write(lambda books: charges.end_refunds(books, self.announce))
        if due and self.receiver:
            receiver = self.receiver
            answered = list(posting.map(lambda row: post(receiver, row), due))
            self.ledger.write(lambda books: _record(books, due, answered))
        return bool(ending or due)


def post(receiver: Receiver, event: sqlite3.Row) -> tuple[int | None, float]:
    """The status of the receiver's answer, None when it gave none; and how long that took."""
    began = time.monotonic()
    status = _status(receiver, event)
    return status, time.monotonic() - began


def _status(receiver: Receiver, event: sqlite3.Row) -> int | None:
    body = json.dumps(
        {
            "id": event["id"],
            "type": event["type"],
            "charge": event["charge"],
            "key": event["key"],
            "session": event["session"],
            "created_at": datetime.fromtimestamp(event["created_at"] / 1_000_000, UTC).isoformat(),
        }
    ).encode()
    headers = {"Content-Type": "application/json", **signed(receiver.secret, body, int(time.time()))}
    address = urlsplit(receiver.url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", address.path or "/", body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def signed(secret: str, body: bytes, at: int) -> Mapping[str, str]:
    """The header that says that the message is ours."""
    signature = hmac.digest(secret.encode(), b"%d." % at + body, "sha256").hex()
    return {SIGNATURE: f"t={at},v1={signature}"}


def _record(books: Books, due: list[sqlite3.Row], answered: list[tuple[int | None, float]]) -> None:
    for row, (status, seconds) in zip(due, answered, strict=True):
        state, wait = "waiting", 0.0
        if status is not None and 200 <= status < 300:
            state = "taken"
        elif row["tries"] >= len(DELAYS_SECONDS):
            state = "given_up"
        else:
            wait = DELAYS_SECONDS[row["tries"]]
        books.execute(
            "UPDATE deliveries SET tries = tries + 1, status = ?, seconds = ?, state = ?, due_at = ?"
            " WHERE seq = ?",
            (status, seconds, state, time.time() + wait, row["delivery"]),
        )
