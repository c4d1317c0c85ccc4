"""Secrets that are like no other, and every form in which one of them may have leaked (R22).

A canary is looked for as it is, in base64, percent-encoded and in hexadecimal, and as what an
unkeyed hash makes of it. Whoever has the database could try all one-time codes there are; we know
which of them to try.
"""

from __future__ import annotations

import base64
import hashlib
import random
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s", "sha3_256")

LONG_ENOUGH = 8
"""Shorter canaries, such as codes, are found by chance; they have to stand by themselves."""

LONGEST_SALT = 64

_HASH = re.compile(r"[A-Za-z0-9+/_-]{22,}")
_MOMENT = re.compile(rb"(?:datetime\.datetime\([\d, ]+|\d[.:])\d{6}(?!\d)")
"""The microseconds of a time are six digits."""


@dataclass(frozen=True, slots=True)
class Canary:
    name: str
    value: str

    def forms(self) -> Iterator[tuple[str, bytes]]:
        """Name and bytes of each form."""
        raw = self.value.encode()
        yield "raw", raw
        yield from _coded(raw)
        for text in {quote(self.value, safe=""), quote_plus(self.value)} - {self.value}:
            yield "percent", text.encode()
        yield "percent, every letter", "".join(f"%{byte:02X}" for byte in raw).encode()
        yield "percent, every letter", "".join(f"%{byte:02x}" for byte in raw).encode()
        for name in HASHES:
            digest = hashlib.new(name, raw).digest()
            yield name, digest
            for text in _written(digest):
                yield f"{name}, written", text.encode()


def _coded(raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield "hex", raw.hex().encode()
    yield "hex", raw.hex().upper().encode()
    for before in range(3):
        # What stands before it shifts the six-bit groups; the first and last of them are mixed.
        for code in (base64.b64encode, base64.urlsafe_b64encode):
            text = code(b"\0" * before + raw).rstrip(b"=")
            skip = (0, 2, 3)[before]
            end = len(text) if (before + len(raw)) % 3 == 0 else len(text) - 1
            yield "base64", text[skip:end]


def _written(digest: bytes) -> tuple[str, ...]:
    texts = (base64.b64encode(digest).decode(), base64.urlsafe_b64encode(digest).decode())
    return digest.hex(), digest.hex().upper(), *(text.rstrip("=") for text in texts)


def _salted(salt: str, value: str) -> Iterator[str]:
    for between in ("", ":", "|", "\0", "$", "-"):
        yield f"{salt}{between}{value}"
        yield f"{value}{between}{salt}"


class Scanner:
    """Looks for all forms of some canaries in whatever it is shown, and remembers where they were."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self.canaries = tuple(canaries)
        self.found: list[str] = []
        self.bytes_seen = 0
        self._forms = [
            (canary, form, sought) for canary in self.canaries for form, sought in {*canary.forms()}
        ]

    def look(self, where: str, *what: object) -> None:
        """`what` are texts, bytes, or anything with a repr."""
        for entry in what:
            raw = entry if isinstance(entry, bytes) else _text(entry).encode("utf-8", "surrogatepass")
            self.bytes_seen += len(raw)
            self._look(where, raw, self._forms)

    def look_for_salted_hashes(self, where: str, values: Iterable[object]) -> None:
        """The row with these `values` holds no hash of a code that was salted with one of them."""
        texts = [value for value in values if isinstance(value, str) and value]
        hashes = {found for text in texts for found in _HASH.findall(text)}
        if not hashes:
            return
        salts = {text for text in texts if len(text) <= LONGEST_SALT}
        for canary in self.canaries:
            if len(canary.value) >= LONG_ENOUGH:
                continue  # nobody can try them all
            for mixed in {said for salt in salts for said in _salted(salt, canary.value)}:
                for name in HASHES:
                    if hashes.intersection(_written(hashlib.new(name, mixed.encode()).digest())):
                        self.found.append(f"{canary.name} ({name}, salted) in {where}")

    def _look(self, where: str, raw: bytes, forms: Iterable[tuple[Canary, str, bytes]]) -> None:
        for canary, form, sought in forms:
            if sought in raw and (form != "raw" or len(sought) >= LONG_ENOUGH or _alone(sought, raw)):
                self.found.append(f"{canary.name} ({form}) in {where}")


def _alone(digits: bytes, raw: bytes) -> bool:
    """Not within a random id or token, a longer number or a time: those hold any digits now and then."""
    around = re.compile(rb"(?<![0-9A-Za-z.])" + re.escape(digits) + rb"(?![0-9A-Za-z])")
    return around.search(_MOMENT.sub(b" ", raw)) is not None


def _text(entry: object) -> str:
    return entry if isinstance(entry, str) else repr(entry)


def card_number() -> str:
    """Sixteen digits of a card scheme with a valid check digit, like no other's."""
    digits = "424242" + "".join(random.SystemRandom().choices("0123456789", k=9))
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(digits)]
    total = sum(number - 9 if number > 9 else number for number in doubled)
    return f"{digits}{-total % 10}"


def word(prefix: str) -> str:
    """A text that occurs nowhere else."""
    return f"{prefix}{secrets.token_hex(10)}"
