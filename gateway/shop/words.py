"""Words as the search compares them: the same on every database."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

END_OF_TITLE = "|"
"""Stands in a search text after the title's words; no word can be it."""

_WORD = re.compile(r"[^\W_]+")
_HISSING = ("sses", "xes", "zzes", "ches", "shes")


def words(text: str) -> list[str]:
    """The words of `text` in lower case, without accents, English plurals as singulars."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [_singular(word) for word in _WORD.findall(plain)]


def search_text(title: str, others: Iterable[str]) -> str:
    """What a product is found by: its words between spaces, those of the title first."""
    rest = [word for text in others for word in words(text)]
    return f" {' '.join([*words(title), END_OF_TITLE, *rest])} "


def _singular(word: str) -> str:
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(_HISSING):
        return word[:-2]
    return word[:-1]
