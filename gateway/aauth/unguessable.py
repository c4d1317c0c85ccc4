"""Names for rows that nobody can guess, computed from their ids and the `HASH_KEYS`.

Whoever reads the database can make none, and every answer names the same again (AA-020, AA-059). After a
change of the keys, what was given out under an older one is still recognised.
"""

from __future__ import annotations

import re
from functools import lru_cache

from gateway import keys

WHOLE = 64
"""Hexadecimal digits of a keyed hash."""


def name(row_id: str, prefix: str, purpose: str, digits: int = WHOLE) -> str:
    """The name of the row, for one purpose. `prefix` is how its id begins."""
    return row_id.removeprefix(prefix) + keys.digest(row_id.encode(), purpose)[:digits]


def read(text: str, prefix: str, purpose: str, digits: int = WHOLE) -> str | None:
    """The id of the row that has this name, or None for anything that was never made here."""
    found = _form(digits).fullmatch(text)
    if found is None:
        return None
    row_id = prefix + found[1]
    known = keys.digests(row_id.encode(), purpose)
    genuine = [keys.same(found[2], digest[:digits]) for digest in known]
    return row_id if any(genuine) else None


@lru_cache(maxsize=8)
def _form(digits: int) -> re.Pattern[str]:
    return re.compile(rf"([0-9a-f]{{32}})([0-9a-f]{{{digits}}})")
