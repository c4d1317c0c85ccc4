"""What of a call's parameters an audit trail keeps: by an allow-list, and even of that nothing that looks
like a secret or a person (AJ-101, AJ-102, T19).

Of everything else a trail says that it was there: its type, and how long it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway import carddata

KEPT: dict[str, frozenset[str]] = {
    "search": frozenset({"q", "category", "sort", "page", "limit"}),
    "browse": frozenset({"category", "sort", "page", "limit"}),
    "detail": frozenset({"id"}),
    "cart.add": frozenset({"item_id", "quantity"}),
    "cart.view": frozenset(),
    "cart.update": frozenset({"item_id", "quantity"}),
    "cart.remove": frozenset({"item_id"}),
    "checkout": frozenset(),
    "contact": frozenset(),
}
"""The parameters of each capability whose values are kept."""

WRITTEN = frozenset({"q"})
"""Written by a person, or after their words: digits in it may be a code or a telephone number."""

REST = "*"
LONGEST = 200
LARGEST = 2**53 - 1

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_ADDRESS = re.compile(r"\S@\S")
_DIGITS = re.compile(r"(?:\d[ ./()-]*){6,}")
# Our tokens have 43 characters after their prefix; a UUID has 36.
_TOKEN = re.compile(
    r"[A-Za-z0-9_=-]{40,}|\b(?:tok|agk|sgs|sk|pk|whsec|spt|vt)_[A-Za-z0-9_-]{8,}|eyJ[\w-]+\.", re.ASCII
)


def keep(capability: str, *names: str) -> None:
    """The values of these parameters of a merchant's own capability are kept in trails from now on.

    Called while Django starts. Never for what a person is known or reached by, or for a secret.
    """
    KEPT[capability] = frozenset(names)


def redacted(
    capability: str, params: Mapping[str, Any], declared: frozenset[str] | None = None
) -> dict[str, Any]:
    """A copy of `params` that may be kept. Of members that are not `declared` not even the name is: an
    agent can write anything into a name. They are counted under `*`."""
    kept = KEPT.get(capability, frozenset())
    names = kept if declared is None else declared | kept
    shown: dict[str, Any] = {}
    rest = 0
    for name, value in params.items():
        if name not in names or not _NAME.fullmatch(name):
            rest += 1
        elif name in kept and _is_harmless(value, written=name in WRITTEN):
            shown[name] = value
        else:
            shown[name] = _outline(value)
    if rest:
        shown[REST] = {"redacted": "members", "length": rest}
    return shown


def _is_harmless(value: Any, *, written: bool) -> bool:
    if isinstance(value, bool) or value is None:
        return True
    if isinstance(value, int):
        return -LARGEST <= value <= LARGEST and not carddata.is_number(str(value))
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        return False  # what is not printable includes halves of characters, which have no canonical form
    if _ADDRESS.search(value) or _TOKEN.search(value) or carddata.is_number(value):
        return False
    return not written or not (_DIGITS.search(value) or carddata.find({"text": value}))


def _outline(value: Any) -> dict[str, Any]:
    match value:
        case None | bool():
            return {"redacted": "null" if value is None else "boolean"}
        case str():
            return {"redacted": "string", "length": len(value)}
        case Mapping():
            return {"redacted": "object", "length": len(value)}
        case list() | tuple():
            return {"redacted": "array", "length": len(value)}
        case _:
            return {"redacted": "number"}
