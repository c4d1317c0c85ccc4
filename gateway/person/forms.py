"""Fields that a person fills in: what they typed, what is wrong with it, and what the browser may fill in.

What was typed is kept and shown again, beside the words that say what is wrong with it. Texts are
English, and translated where they are shown.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_noop

from gateway import carddata

LONGEST_INPUT = 200

TOO_LONG = gettext_noop("This is too long. Shorten it.")
A_CARD = gettext_noop("This looks like the number of a card. Do not type it here.")

_JOINERS = "\u200c\u200d"
"""Unseen, and yet part of how Persian or Hindi is spelt."""

Judge = Callable[[str], str]
"""What is wrong with a text that was typed, or ""."""


@dataclass(frozen=True, slots=True)
class Field:
    """One question. `name` is the member that the answer becomes."""

    name: str
    label: str
    autocomplete: str
    missing: str = ""
    """What is said when it is empty; with nothing to say it may be."""
    hint: str = ""
    type: str = "text"
    inputmode: str = ""
    longest: int = LONGEST_INPUT
    judge: Judge | None = None

    @property
    def optional(self) -> bool:
        return not self.missing


@dataclass(frozen=True, slots=True)
class Filled:
    """The fields with what was typed into them, and what is wrong: by field, in their order."""

    fields: Sequence[Field]
    values: Mapping[str, str]
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """As a page shows them."""
        return [
            {
                "field": entry,
                "value": self.values.get(entry.name, ""),
                "wrong": self.wrong.get(entry.name, ""),
            }
            for entry in self.fields
        ]

    @property
    def problems(self) -> list[tuple[str, str]]:
        """For the summary: which field, and what is wrong with it."""
        return [(entry.name, self.wrong[entry.name]) for entry in self.fields if entry.name in self.wrong]

    def but(self, wrong: Mapping[str, str]) -> Filled:
        """The same, and this is wrong with it."""
        return Filled(self.fields, self.values, wrong)


def filled(fields: Sequence[Field], source: Mapping[str, Any]) -> Filled:
    """The fields as they stand, before anybody typed."""
    values = {entry.name: str(source.get(entry.name) or "") for entry in fields}
    return Filled(fields, values)


def typed(fields: Sequence[Field], source: Mapping[str, str]) -> Filled:
    """What a person typed, judged field by field."""
    values = {entry.name: cleaned(source.get(entry.name, "")) for entry in fields}
    wrong = {entry.name: said for entry in fields if (said := _wrong(entry, values[entry.name]))}
    return Filled(fields, values, wrong)


def cleaned(text: str) -> str:
    """The text as it was meant: without control characters and doubled spaces, its letters composed."""
    shown = "".join(letter if _is_written(letter) else " " for letter in text)
    return " ".join(unicodedata.normalize("NFC", shown).split())


def _is_written(letter: str) -> bool:
    return letter in _JOINERS or unicodedata.category(letter)[0] not in "CZ"


def _wrong(entry: Field, value: str) -> str:
    if not value:
        return entry.missing
    if len(value) > entry.longest:
        return TOO_LONG
    if entry.type == "text" and carddata.find({"buyer": {"full_name": value}}):
        return A_CARD
    return entry.judge(value) if entry.judge else ""
