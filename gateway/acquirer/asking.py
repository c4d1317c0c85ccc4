"""What a merchant's server may ask, read strictly, and what it is answered when it is not in order."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

KEY = re.compile(r"[!-~]{1,255}", re.ASCII)
CURRENCY = re.compile(r"[a-z]{3}", re.ASCII)
MOST_MINOR_UNITS = 2**53 - 1
LONGEST_TEXT = 255
LONGEST_TOKEN = 4096


class Refused(Exception):
    """The answer instead of what was asked. `code` is for programs, `text` for whoever reads the log."""

    def __init__(self, status: int, code: str, text: str = "") -> None:
        super().__init__(text or code)
        self.status, self.code = status, code

    @property
    def content(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": str(self)}}


@dataclass(frozen=True, slots=True)
class ChargeAsked:
    """Amounts in minor units."""

    key: str
    session: str
    amount: int
    currency: str
    token: str = field(repr=False)
    three_d_secure: bool = False


def charge(key: str, body: bytes) -> ChargeAsked:
    """Raises Refused."""
    told = members(body, {"amount", "currency", "token", "session", "three_d_secure"})
    demanded = told.get("three_d_secure", False)
    if not isinstance(demanded, bool):
        raise Refused(400, "bad_request", "three_d_secure is true or false.")
    currency = _text(told, "currency")
    if not CURRENCY.fullmatch(currency):
        raise Refused(400, "bad_request", "currency is three lower-case letters.")
    return ChargeAsked(
        key=key,
        session=_text(told, "session"),
        amount=_amount(told, least=0),
        currency=currency,
        token=_text(told, "token", LONGEST_TOKEN),
        three_d_secure=demanded,
    )


def refund(body: bytes) -> int:
    """The amount. Raises Refused."""
    return _amount(members(body, {"amount"}), least=1)


def members(body: bytes, known: set[str]) -> dict[str, Any]:
    """The JSON object, which has no other members. Raises Refused."""
    try:
        told = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise Refused(400, "bad_request", "The body is not JSON.") from None
    if not isinstance(told, dict) or set(told) - known:
        raise Refused(400, "bad_request", f"The body is an object with: {', '.join(sorted(known))}.")
    return told


def key(given: str | None) -> str:
    """An `Idempotency-Key`. Raises Refused."""
    if not KEY.fullmatch(given or ""):
        raise Refused(400, "key_missing", "Idempotency-Key: 1 to 255 printable characters of ASCII.")
    return str(given)


def moment(given: str) -> int:
    """Microseconds since 1970 of a time with an offset. Raises Refused."""
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Refused(400, "bad_request", "Times are RFC 3339, with an offset.")
    return round(at.timestamp() * 1_000_000)


def _amount(told: dict[str, Any], *, least: int) -> int:
    amount = told.get("amount")
    if type(amount) is not int or not least <= amount <= MOST_MINOR_UNITS:
        raise Refused(400, "bad_request", f"amount is a whole number of minor units, {least} or more.")
    return amount


def _text(told: dict[str, Any], name: str, longest: int = LONGEST_TEXT) -> str:
    given = told.get(name)
    if not isinstance(given, str) or not 0 < len(given) <= longest or not given.isprintable():
        raise Refused(400, "bad_request", f"{name} is a text of up to {longest} printable characters.")
    return given
