"""What differs from one recording to the next is told alike: ids, moments, codes, links and addresses.

Values are numbered in the order in which they appear, so that two that are equal stay equal.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""When every story begins."""
MINUTE = 60
SHOP = "https://shop.example"

_ID = re.compile(r"\b(cs|ord|pay|int|sbx|das)_([0-9a-f]{32})\b")
_TICKET = re.compile(r"(?<![0-9a-f])[0-9a-f]{96}(?![0-9a-f])")
_CHALLENGE = re.compile(r"(?<=/challenges/)[A-Za-z0-9_-]{43}")
_NUMBER = re.compile(r"[0-9A-F]{8}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z")


class Settling:
    """One story's values. `began` is the real moment at which it began, `url` the server's own."""

    def __init__(self, url: str, began: datetime) -> None:
        self._url = url
        self._began = began
        self._secrets: dict[str, str] = {}
        self._known: dict[str, str] = {}
        self._numbers: Iterator[int] = iter(range(1, 10_000))

    def secret(self, value: str, told: str) -> None:
        """`value` is told as `told` from now on."""
        self._secrets[value] = told

    def settled(self, value: Any, name: str = "") -> Any:
        """The JSON value as it is written down."""
        match value:
            case dict():
                return {key: self.settled(entry, key) for key, entry in value.items()}
            case list():
                return [self.settled(entry, name) for entry in value]
            case str() if name in ("order_number", "confirmation_number") and _NUMBER.fullmatch(value):
                return "5F0C2A11"
            case str():
                return self._text(value)
            case _:
                return value

    def _text(self, text: str) -> str:
        for value, told in self._secrets.items():
            text = text.replace(value, told)
        text = text.replace(self._url, SHOP)
        text = _TICKET.sub(lambda found: self._numbered(found[0], 96), text)
        text = _CHALLENGE.sub(lambda found: self._numbered(found[0], 43), text)
        text = _ID.sub(lambda found: f"{found[1]}_{self._numbered(found[0], 32)}", text)
        return _MOMENT.sub(lambda found: self._moment(found[0]), text)

    def _numbered(self, value: str, length: int) -> str:
        if value not in self._known:
            seed = f"example {next(self._numbers)}".encode()
            self._known[value] = hashlib.sha512(seed).hexdigest()[:length]
        return self._known[value]

    def _moment(self, text: str) -> str:
        """So long after the beginning as it was, to the minute; a day of delivery stays midnight."""
        at = datetime.fromisoformat(text)
        if (at.minute, at.second) == (59, 59) or (at.minute == 0 and at.second == 0 and at.microsecond == 0):
            days = (at.date() - self._began.date()).days
            settled = datetime.combine(START.date() + timedelta(days=days), at.timetz())
        else:
            settled = START + timedelta(seconds=MINUTE * round((at - self._began).total_seconds() / MINUTE))
        return settled.isoformat().replace("+00:00", "Z")
