"""What merchants' servers ask the acquirer, under their bearer key.

POST  /charges                   a charge, once for each Idempotency-Key
GET   /charges?key=K             the charge made with it
GET   /charges?since=&until=     the books, a page at a time (`after` is the `next` of the last one)
GET   /charges/{id}
POST  /charges/{id}/capture      repeatable
POST  /charges/{id}/void         repeatable
POST  /charges/{id}/refunds      `amount` goes back, once for each Idempotency-Key
GET   /charges/{id}/refunds?key=K
GET   /charges/{id}/refunds      all of them
POST  /control                   how it shall misbehave, see `faults`; only when it is programmable
GET   /control/ledger            everything there is
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.acquirer import asking, charges
from gateway.acquirer.asking import Refused
from gateway.acquirer.charges import Answer
from gateway.acquirer.faults import Programme
from gateway.acquirer.ledger import Books, Ledger
from gateway.acquirer.sending import Sender

PAGE = 100
ROUTE = re.compile(r"/charges(?:/(ch_[0-9a-f]{24})(?:/(capture|void|refunds))?)?", re.ASCII)
DUMPED = ("charges", "refunds", "events", "deliveries")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is ours to answer. `path` is one of `faults.PATHS`."""

    method: str
    path: str
    id: str
    query: Mapping[str, str]
    key: str | None
    body: bytes


def route(method: str, address: str, query: Mapping[str, str], key: str | None, body: bytes) -> Asked:
    """Raises Refused for an address that means nothing."""
    found = ROUTE.fullmatch(address)
    if found is None:
        raise Refused(404, "no_route", "There is nothing at this address.")
    id, verb = found[1] or "", found[2] or ""
    path = "/charges" + ("/{id}" if id else "") + (f"/{verb}" if verb else "")
    return Asked(method, path, id, query, key, body)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """May be used by several threads."""

    ledger: Ledger
    programme: Programme
    sender: Sender
    origin: str

    def answer(self, asked: Asked, *, decline: bool = False) -> Answer:
        """What was written is on the disk. Raises Refused. `decline`: a new charge is declined."""
        match asked.method, asked.path:
            case "POST", "/charges":
                return self._charge(asked, decline)
            case "POST", "/charges/{id}/capture":
                return self._moved(charges.capture, asked.id)
            case "POST", "/charges/{id}/void":
                return self._moved(charges.void, asked.id)
            case "POST", "/charges/{id}/refunds":
                return self._refund(asked)
            case "GET", "/charges":
                return self._of_key(asked) if "key" in asked.query else self._page(asked)
            case "GET", "/charges/{id}":
                with self.ledger.reading() as books:
                    return Answer(200, self._told(books, charges.find(books, asked.id)))
            case "GET", "/charges/{id}/refunds":
                return self._refund_of_key(asked) if "key" in asked.query else self._refunds(asked)
        raise Refused(405, "bad_method", "This address is not asked so.")

    def control(self, method: str, address: str, body: bytes) -> Answer:
        """The tests' own part. Raises Refused."""
        match method, address:
            case "POST", "/control":
                self.programme.read(body)
                return Answer(200, {})
            case "GET", "/control":
                return Answer(200, {"drawn": self.programme.drawn()})
            case "GET", "/control/ledger":
                with self.ledger.reading() as books:
                    books.execute("BEGIN")
                    return Answer(200, {table: self._dumped(books, table) for table in DUMPED})
        raise Refused(404, "no_route", "There is nothing at this address.")

    def _charge(self, asked: Asked, decline: bool) -> Answer:
        wanted = asking.charge(asking.key(asked.key), asked.body)

        def act(books: Books) -> Answer:
            def opened() -> Answer:
                row = charges.open_charge(books, wanted, self.sender.announce, decline=decline)
                return Answer(201, self._told(books, row))

            return charges.once(books, wanted.key, ["/charges", json.loads(asked.body)], opened)

        return self.ledger.write(act)

    def _moved(self, verb: Callable[..., sqlite3.Row], id: str) -> Answer:
        def act(books: Books) -> Answer:
            return Answer(200, self._told(books, verb(books, id, self.sender.announce)))

        return self.ledger.write(act)

    def _refund(self, asked: Asked) -> Answer:
        key, amount = asking.key(asked.key), asking.refund(asked.body)

        def act(books: Books) -> Answer:
            def made() -> Answer:
                announce, habit = self.sender.announce, self.programme.refunds
                return Answer(201, charges.refund(books, asked.id, key, amount, announce, habit))

            return charges.once(books, key, ["refunds", asked.id, amount], made)

        return self.ledger.write(act)

    def _of_key(self, asked: Asked) -> Answer:
        with self.ledger.reading() as books:
            return Answer(200, self._told(books, charges.of_key(books, asked.query["key"])))

    def _refund_of_key(self, asked: Asked) -> Answer:
        query = "SELECT * FROM refunds WHERE charge = ? AND key = ?"
        with self.ledger.reading() as books:
            row = books.execute(query, (asked.id, asked.query.get("key", ""))).fetchone()
        if row is None:
            raise Refused(404, "unknown", "Nothing is known under that name.")
        return Answer(200, charges.refund_told(row))

    def _refunds(self, asked: Asked) -> Answer:
        query = "SELECT * FROM refunds WHERE charge = ? ORDER BY rowid"
        with self.ledger.reading() as books:
            charges.find(books, asked.id)
            rows = books.execute(query, (asked.id,)).fetchall()
        return Answer(200, {"refunds": [charges.refund_told(row) for row in rows]})

    def _page(self, asked: Asked) -> Answer:
        since, until = (asking.moment(asked.query.get(name, "")) for name in ("since", "until"))
        after = asked.query.get("after", "0")
        if not re.fullmatch(r"[0-9]{1,18}", after, re.ASCII):
            raise Refused(400, "bad_request", "after is the `next` of another page.")
        query = (
            "SELECT * FROM charges WHERE created_at >= ? AND created_at < ? AND seq > ?"
            " ORDER BY created_at, seq LIMIT ?"
        )
        with self.ledger.reading() as books:
            rows = books.execute(query, (since, until, int(after), PAGE)).fetchall()
            told = [self._told(books, row) for row in rows]
        return Answer(200, {"charges": told, "next": str(rows[-1]["seq"]) if len(rows) == PAGE else None})

    def _told(self, books: Books, row: sqlite3.Row) -> dict[str, Any]:
        return charges.charge_told(books, row, self.origin)

    def _dumped(self, books: Books, table: str) -> list[dict[str, Any]]:
        rows = books.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()  # noqa: S608
        if table == "charges":
            return [self._told(books, row) for row in rows]
        return [dict(row) for row in rows]
