"""What leads to a parked call: the agent's pending URL, the person's page, and the code they compare.

All three are computed from the row and the `HASH_KEYS`, as links of interventions are (`gateway.tickets`):
whoever reads the database can make none, and every answer names the same again (AA-059). After a change
of the keys, what was given out under an older one is still recognised.
"""

from __future__ import annotations

from gateway import keys, links
from gateway.aauth import unguessable
from gateway.pending_models import PendingRequest

PREFIX = "prq_"
TOKEN_PURPOSE = "pending URL of a parked call"
SLUG_PURPOSE = "page of a parked call"
CODE_PURPOSE = "code of a parked call"

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base32 (AA-050): no I, L, O and U."""
SYMBOLS = 8
"""Of five bits each (AA-051)."""
_SLUG_DIGITS = 32

_LONGEST_TYPED = 64
_FOLDED = str.maketrans({"I": "1", "L": "1", "O": "0"})


def pending_url(pending: PendingRequest) -> str:
    """Where its agent asks what became of the call (AA-003, AA-020)."""
    return links.to("aauth:pending", token(pending))


def page_url(pending: PendingRequest) -> str:
    """Where its person is sent, without the code: no query, no fragment (AA-002)."""
    return pages() + slug(pending)


def pages() -> str:
    """What the address of every such page begins with."""
    return f"{links.to('aauth:nothing')}i/"


def token(pending: PendingRequest) -> str:
    return unguessable.name(pending.id, PREFIX, TOKEN_PURPOSE)


def slug(pending: PendingRequest) -> str:
    return unguessable.name(pending.id, PREFIX, SLUG_PURPOSE, _SLUG_DIGITS)


def read_token(text: str) -> str | None:
    """The parked call whose pending URL ends so, or None for anything that was never made here."""
    return unguessable.read(text, PREFIX, TOKEN_PURPOSE)


def read_slug(text: str) -> str | None:
    """The parked call whose page's address ends so, or None for anything that was never made here."""
    return unguessable.read(text, PREFIX, SLUG_PURPOSE, _SLUG_DIGITS)


def code_of(pending: PendingRequest) -> str:
    """The code of its current round, as people are shown it: with a hyphen in the middle (AA-052)."""
    return hyphenated(_code(keys.digest(_round(pending), CODE_PURPOSE)))


def hyphenated(code: str) -> str:
    return f"{code[:4]}-{code[4:]}"


def bare(code: str) -> str:
    """Without hyphens, as older texts of the protocol write it."""
    return code.replace("-", "")


def fold(typed: str) -> str:
    """As codes are compared: without hyphens, spaces and case, and with digits for the letters that
    look like them (AA-052, AA-053)."""
    kept = "".join(sign for sign in typed[:_LONGEST_TYPED] if sign != "-" and not sign.isspace())
    return kept.upper().translate(_FOLDED)


def same_code(pending: PendingRequest, typed: str) -> bool:
    """What was typed is the code of the call's current round; in constant time."""
    folded = fold(typed)
    known = [_code(digest) for digest in keys.digests(_round(pending), CODE_PURPOSE)]
    genuine = [keys.same(folded, code) for code in known]  # each is compared
    return any(genuine)


def _round(pending: PendingRequest) -> bytes:
    return f"{pending.id}:{pending.round}".encode()


def _code(digest: str) -> str:
    number = int(digest[: SYMBOLS * 2], 16)
    return "".join(ALPHABET[(number >> 5 * place) & 31] for place in range(SYMBOLS))
