"""The sandbox bank's own books: which payments it was asked about, how that went, and its proofs.

A proof is a cryptogram over one challenge, its amount and its transaction id. Only who has the
bank's key can make one, so nobody else can say that the bank saw the holder.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import uuid
from dataclasses import dataclass, field

from gateway.wallet.books import Books

BEHAVIOURS = ("ask", "deny", "unavailable", "frictionless")
"""What it does about a holder; with the last, it knows them without asking when an agent runs 3-D Secure."""
FINAL = ("authenticated", "denied", "unavailable")
AUTHENTICATED = "05"
CRYPTOGRAM_BYTES = 20
VERSION = "2.2.0"

TABLES = """
CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, private TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS challenges (
    id TEXT PRIMARY KEY, client TEXT NOT NULL, key TEXT NOT NULL,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, behaviour TEXT NOT NULL,
    status TEXT NOT NULL, transaction_id TEXT NOT NULL, UNIQUE (client, key)
);
CREATE TABLE IF NOT EXISTS runs (
    challenge TEXT PRIMARY KEY, return_to TEXT NOT NULL, abandoned INTEGER NOT NULL DEFAULT 0
);
"""


@dataclass(frozen=True, slots=True)
class Challenge:
    """A holder is asked whether this payment is theirs. The id is known to who asked, and to agents
    who were told by them."""

    id: str
    client: str
    key: str
    amount: int
    currency: str
    behaviour: str
    status: str
    """pending; issued: an agent has the proof; authenticated, denied, unavailable: final."""
    transaction_id: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What an agent brings to the merchant."""

    cryptogram: str = field(repr=False)
    transaction_id: str
    eci: str = AUTHENTICATED
    version: str = VERSION


@dataclass(frozen=True, slots=True)
class Run:
    """3-D Secure for an agent: where the holder's browser comes back to, and whether they went away."""

    return_to: str
    abandoned: bool


class Challenges(Books):
    """May be used by several threads and processes."""

    tables = TABLES

    def ask(self, client: str, key: str, amount: int, currency: str, behaviour: str) -> Challenge | None:
        """The challenge for the key; None when it was asked for another amount. Repeatable."""
        fresh = (secrets.token_urlsafe(32), client, key, amount, currency, behaviour, "pending", "")
        with self._writing() as books:
            books.execute(
                "INSERT INTO challenges VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (*fresh[:-1], str(uuid.uuid4())),
            )
            found = books.execute(
                "SELECT * FROM challenges WHERE client = ? AND key = ?", (client, key)
            ).fetchone()
        asked = Challenge(*found)
        return asked if (asked.amount, asked.currency) == (amount, currency) else None

    def find(self, id: str) -> Challenge | None:
        with self._open() as books:
            found = books.execute("SELECT * FROM challenges WHERE id = ?", (id,)).fetchone()
        return Challenge(*found) if found else None

    def move(self, challenge: Challenge, to: str) -> Challenge:
        """How it stands now: so, or as it had ended before."""
        with self._writing() as books:
            books.execute(
                "UPDATE challenges SET status = ? WHERE id = ? AND status NOT IN (?, ?, ?)",
                (to, challenge.id, *FINAL),
            )
        found = self.find(challenge.id)
        assert found is not None
        return found

    def begin(self, challenge: Challenge, return_to: str) -> None:
        """The holder will be asked for an agent. The first address stays."""
        with self._writing() as books:
            books.execute(
                "INSERT INTO runs (challenge, return_to) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (challenge.id, return_to),
            )

    def run(self, challenge: Challenge) -> Run | None:
        """The run for an agent; None when there is none."""
        query = "SELECT return_to, abandoned FROM runs WHERE challenge = ?"
        with self._open() as books:
            found = books.execute(query, (challenge.id,)).fetchone()
        return Run(found[0], bool(found[1])) if found else None

    def abandon(self, challenge: Challenge) -> None:
        """The holder went away without an answer; they may come back."""
        with self._writing() as books:
            books.execute("UPDATE runs SET abandoned = 1 WHERE challenge = ?", (challenge.id,))

    def proof(self, challenge: Challenge) -> Proof:
        """The one proof of the challenge."""
        return Proof(self._cryptogram(challenge), challenge.transaction_id)

    def proves(self, challenge: Challenge, cryptogram: str, transaction_id: str, eci: str) -> bool:
        """We made this proof for exactly this, and gave it away."""
        ours = self.proof(challenge)
        same = hmac.compare_digest(ours.cryptogram.encode(), cryptogram.encode("utf-8", "replace"))
        return (
            same and challenge.status == "issued" and (ours.transaction_id, ours.eci) == (transaction_id, eci)
        )

    def _cryptogram(self, challenge: Challenge) -> str:
        key = str(self.key("cryptogram", _new_key)["key"])
        bound = (challenge.id, challenge.amount, challenge.currency, challenge.transaction_id)
        digest = hmac.digest(key.encode(), "|".join(map(str, bound)).encode(), "sha256")
        return base64.b64encode(digest[:CRYPTOGRAM_BYTES]).decode()


def _new_key() -> dict[str, str]:
    return {"key": secrets.token_urlsafe(32)}
