"""Text of somebody else as one line that can be stored and written anywhere (AJ-008, AJ-083)."""

from __future__ import annotations

import unicodedata

_BREAKS = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters with DEL and those of Latin-1, halves of a pair, and the other line ends."""


def one_line(text: str, most: int) -> str:
    """`text` without what ends a line or steers a terminal, a blank in its place, and at most `most`
    characters of it. Not HTML: escape it where it is shown."""
    plain = "".join(" " if unicodedata.category(letter) in _BREAKS else letter for letter in text[: 4 * most])
    return " ".join(plain.split())[:most].rstrip()
