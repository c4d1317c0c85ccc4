"""What becomes of a charge. Every verb runs inside the ledger's one writer, with its events.

Tokens choose what happens, as with the sandbox provider inside the gateway:

    spt_sandbox_ok                authorized
    spt_sandbox_declined          declined
    spt_sandbox_3ds_frictionless  authorized, its issuer answers for the holder without a challenge
    spt_sandbox_3ds_challenge     the holder is asked at our page first
    spt_sandbox_3ds_denied        they are asked, and it is denied whatever they answer
    spt_sandbox_3ds_unavailable   they cannot be asked: declined where the merchant demands it
    spt_sandbox_refund_pending    authorized; its refunds need a while
    spt_sandbox_refund_fails      authorized; its refunds need a while, and fail
    spt_sandbox_refund_bounces    authorized; its refunds go through at once, and fail after a while
    any other spt_ / tok_         authorized, after a challenge where the merchant demands one
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.acquirer.asking import ChargeAsked, Refused
from gateway.acquirer.ledger import Books

KEY_SECONDS = 24 * 3600
WELL_FORMED = re.compile(r"(?:spt|tok)_[A-Za-z0-9_-]{1,200}", re.ASCII)
ASKING = {"spt_sandbox_3ds_challenge": "ask", "spt_sandbox_3ds_denied": "deny"}
REFUNDING = {"spt_sandbox_refund_pending": "completed", "spt_sandbox_refund_fails": "failed"}
BOUNCING = "spt_sandbox_refund_bounces"
BOUNCED = "bounced"

Announce = Callable[[Books, str, sqlite3.Row], None]
"""Writes down an event of a charge: its type, and the charge as it is now."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`replayed`: it was given before, to the same key."""

    status: int
    content: dict[str, Any]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Refunds:
    """How refunds go that the card's token says nothing about."""

    pending: bool = False
    fails: bool = False
    bounces: bool = False
    """They go through at once, and fail after so many seconds."""
    seconds: float = 2.0
    """Until a pending one has gone through, or has not."""


def once(books: Books, key: str, asked: object, act: Callable[[], Answer]) -> Answer:
    """What `act` answers, or answered to this key within the last day. 409 when something else was
    asked with it. A refusal is an answer, and is kept too."""
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    now = time.time()
    books.execute("DELETE FROM keys WHERE at < ?", (now - KEY_SECONDS,))
    kept = books.execute("SELECT digest, status, answer FROM keys WHERE key = ?", (key,)).fetchone()
    if kept is not None:
        if kept["digest"] != digest:
            raise Refused(409, "key_reused", "This key was used with another request.")
        return Answer(kept["status"], json.loads(kept["answer"]), replayed=True)
    try:
        answer = act()
    except Refused as refusal:
        answer = Answer(refusal.status, refusal.content)
    kept = (key, digest, answer.status, json.dumps(answer.content), now)
    books.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?)", kept)
    return answer


def open_charge(books: Books, asked: ChargeAsked, announce: Announce, *, decline: bool) -> sqlite3.Row:
    """The charge: authorized, declined, or waiting for its holder. `decline`: whatever the token."""
    token = asked.token
    good = bool(WELL_FORMED.fullmatch(token)) and token != "spt_sandbox_declined" and not decline
    status, code, shift, challenge = "authorized", None, None, None
    frictionless = token == "spt_sandbox_3ds_frictionless"
    if not good:
        status, code = "declined", "card_declined"
    elif frictionless:
        shift = True
    elif token == "spt_sandbox_3ds_unavailable":
        shift = False
        if asked.three_d_secure:
            status, code = "declined", "authentication_unavailable"
    elif asked.three_d_secure or token in ASKING:
        status, challenge = "requires_action", secrets.token_urlsafe(32)
    made = {
        "id": "ch_" + secrets.token_hex(12),
        "key": asked.key,
        "session": asked.session,
        "amount": asked.amount,
        "currency": asked.currency,
        "status": status,
        "decline_code": code,
        "authenticated": good and frictionless,
        "liability_shift": shift,
        "challenge": challenge,
        "behaviour": ASKING.get(token, "ask"),
        "refunds": BOUNCED if token == BOUNCING else REFUNDING.get(token, ""),
        "created_at": _now(books),
    }
    names, places = ", ".join(made), ", ".join("?" * len(made))
    books.execute(f"INSERT INTO charges ({names}) VALUES ({places})", tuple(made.values()))  # noqa: S608
    row = find(books, str(made["id"]))
    announce(books, status, row)
    return row


def capture(books: Books, id: str, announce: Announce) -> sqlite3.Row:
    """All of it was taken. Repeatable; raises Refused for a charge that holds no money."""
    row = find(books, id)
    if row["status"] == "captured":
        return row
    if row["status"] != "authorized":
        raise Refused(409, "not_authorized", "This charge holds no money.")
    return _become(books, row, announce, "captured", captured=row["amount"])


def void(books: Books, id: str, announce: Announce) -> sqlite3.Row:
    """It holds no money, and never will. Repeatable; raises Refused for one that was captured."""
    row = find(books, id)
    if row["status"] in ("voided", "declined"):
        return row
    if row["status"] == "captured":
        raise Refused(409, "already_captured", "This charge was captured; refund it.")
    return _become(books, row, announce, "voided")


def decide(books: Books, challenge: str, approved: bool, announce: Announce) -> sqlite3.Row:
    """The holder's answer to their challenge; the first one stands."""
    row = challenged(books, challenge)
    if row["status"] != "requires_action":
        return row
    if not approved or row["behaviour"] == "deny":
        return _become(books, row, announce, "declined", decline_code="authentication_denied")
    return _become(books, row, announce, "authorized", authenticated=True, liability_shift=True)


def refund(
    books: Books, id: str, key: str, amount: int, announce: Announce, habit: Refunds
) -> dict[str, Any]:
    """`amount` goes back, at once or later. Raises Refused for more than is left."""
    row = find(books, id)
    if returned(books, id) + amount > row["captured"]:
        raise Refused(422, "more_than_captured", "No more goes back than was taken.")
    bounces = row["refunds"] == BOUNCED or (not row["refunds"] and habit.bounces)
    becomes = row["refunds"] or ("failed" if habit.fails else "completed")
    becomes = "failed" if bounces else becomes
    pending = not bounces and (bool(row["refunds"]) or habit.pending or habit.fails)
    made = (
        *("re_" + secrets.token_hex(12), key, id, amount, "pending" if pending else "completed", None),
        *(becomes, time.time() + habit.seconds, _now(books)),
    )
    books.execute("INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", made)
    if not pending:
        announce(books, "refunded", row)
    return refund_told(books.execute("SELECT * FROM refunds WHERE id = ?", (made[0],)).fetchone())


def end_refunds(books: Books, announce: Announce) -> None:
    """Refunds whose time has come went through, or failed, some of them after they had gone through."""
    for row in ending(books).fetchall():
        reason = "account_closed" if row["becomes"] == "failed" else None
        books.execute(
            "UPDATE refunds SET state = ?, reason = ? WHERE id = ?", (row["becomes"], reason, row["id"])
        )
        announce(books, "refund_failed" if reason else "refunded", find(books, row["charge"]))


def ending(books: Books) -> sqlite3.Cursor:
    """Refunds whose time has come."""
    return books.execute(
        "SELECT * FROM refunds WHERE (state = 'pending' OR (state = 'completed' AND becomes = 'failed'))"
        " AND due_at <= ?",
        (time.time(),),
    )


def find(books: Books, id: str) -> sqlite3.Row:
    """Raises Refused when there is none."""
    return _found(books.execute("SELECT * FROM charges WHERE id = ?", (id,)).fetchone())


def of_key(books: Books, key: str) -> sqlite3.Row:
    """The charge made with the key, the last one when the key outlived its day. Raises Refused."""
    newest = "SELECT * FROM charges WHERE key = ? ORDER BY seq DESC LIMIT 1"
    return _found(books.execute(newest, (key,)).fetchone())


def challenged(books: Books, challenge: str) -> sqlite3.Row:
    """The charge that a page is about. Raises Refused."""
    return _found(books.execute("SELECT * FROM charges WHERE challenge = ?", (challenge,)).fetchone())


def returned(books: Books, id: str) -> int:
    """What went back or is on its way."""
    total = "SELECT coalesce(sum(amount), 0) FROM refunds WHERE charge = ? AND state <> 'failed'"
    return int(books.execute(total, (id,)).fetchone()[0])


def charge_told(books: Books, row: sqlite3.Row, origin: str) -> dict[str, Any]:
    """A charge as merchants read it."""
    waits = row["status"] == "requires_action"
    return {
        "id": row["id"],
        "key": row["key"],
        "session": row["session"],
        "status": row["status"],
        "amount": row["amount"],
        "currency": row["currency"],
        "captured": row["captured"],
        "refunded": returned(books, row["id"]),
        "decline_code": row["decline_code"],
        "authenticated": bool(row["authenticated"]),
        "liability_shift": None if row["liability_shift"] is None else bool(row["liability_shift"]),
        "challenge_url": f"{origin}/challenges/{row['challenge']}" if waits else None,
        "created_at": datetime.fromtimestamp(row["created_at"] / 1_000_000, UTC).isoformat(),
    }


def refund_told(row: sqlite3.Row) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "key", "charge", "amount", "state", "reason")}


def _become(books: Books, row: sqlite3.Row, announce: Announce, status: str, **columns: Any) -> sqlite3.Row:
    columns["status"] = status
    sets = ", ".join(f"{name} = ?" for name in columns)
    books.execute(f"UPDATE charges SET {sets} WHERE id = ?", (*columns.values(), row["id"]))  # noqa: S608
    changed = find(books, row["id"])
    announce(books, status, changed)
    return changed


def _found(row: sqlite3.Row | None) -> sqlite3.Row:
    if row is None:
        raise Refused(404, "unknown", "Nothing is known under that name.")
    return row


def _now(books: Books) -> int:
    """Microseconds; never before the last charge, so that books are in one order."""
    last = books.execute("SELECT created_at FROM charges ORDER BY seq DESC LIMIT 1").fetchone()
    return max(int(time.time() * 1_000_000), last["created_at"] if last else 0)
