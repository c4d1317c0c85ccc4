"""What the sandbox acquirer says, held against what it may say before anybody acts on it (T60).

It is another company's server: every member is looked at, whatever is not in order makes the whole
answer none, and members that are not known are left aside. No text of it reaches a buyer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

MOST_MINOR_UNITS = 2**53 - 1
STATUSES = ("authorized", "captured", "declined", "requires_action", "voided")
REFUND_STATES = ("pending", "completed", "failed")

_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_NAME = re.compile(r"[!-~]{1,255}", re.ASCII)
_CURRENCY = re.compile(r"[a-z]{3}", re.ASCII)
_CODE = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
_CURSOR = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class NotInOrder(ValueError):
    """The text names the member, and holds nothing of what was said."""


@dataclass(frozen=True, slots=True)
class Charge:
    """Amounts in minor units."""

    id: str
    key: str
    status: str
    amount: int
    currency: str
    captured: int
    refunded: int
    decline_code: str
    authenticated: bool
    liability_shift: bool | None
    challenge_url: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Refund:
    id: str
    key: str
    charge: str
    amount: int
    state: Literal["pending", "completed", "failed"]
    reason: str


def charge(told: Mapping[str, Any]) -> Charge:
    """Raises NotInOrder."""
    amount = _amount(told, "amount")
    captured = _amount(told, "captured", most=amount)
    return Charge(
        id=_text(told, "id", _REFERENCE),
        key=_text(told, "key", _NAME),
        status=_one_of(told, "status", STATUSES),
        amount=amount,
        currency=_text(told, "currency", _CURRENCY),
        captured=captured,
        refunded=_amount(told, "refunded", most=captured),
        decline_code=_code(told, "decline_code"),
        authenticated=_bool(told, "authenticated") is True,
        liability_shift=_bool(told, "liability_shift"),
        challenge_url=_text(told, "challenge_url", _NAME) if told.get("challenge_url") else "",
        created_at=_moment(told, "created_at"),
    )


def page(told: Mapping[str, Any]) -> tuple[list[Charge], str]:
    """The charges of a page of the books, and where the next one begins; "" after the last.
    Raises NotInOrder."""
    rows = told.get("charges")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise NotInOrder("charges")
    return [charge(row) for row in rows], _text(told, "next", _CURSOR) if told.get("next") else ""


def refund(told: Mapping[str, Any]) -> Refund:
    """Raises NotInOrder."""
    state: Any = _one_of(told, "state", REFUND_STATES)
    return Refund(
        id=_text(told, "id", _REFERENCE),
        key=_text(told, "key", _NAME),
        charge=_text(told, "charge", _REFERENCE),
        amount=_amount(told, "amount"),
        state=state,
        reason=_code(told, "reason"),
    )


def refunds(told: Mapping[str, Any]) -> list[Refund]:
    """Raises NotInOrder."""
    rows = told.get("refunds")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise NotInOrder("refunds")
    return [refund(row) for row in rows]


def refusal(told: Mapping[str, Any]) -> str:
    """The code of an answer that is an error. Raises NotInOrder."""
    error = told.get("error")
    if not isinstance(error, dict):
        raise NotInOrder("error")
    return _text(error, "code", _CODE)


def event(told: Mapping[str, Any]) -> tuple[str, str, str]:
    """The id of a message, the key of the charge that it is about, and its type. Raises NotInOrder."""
    return _text(told, "id", _REFERENCE), _text(told, "key", _NAME), _text(told, "type", _CODE)


def _text(told: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise NotInOrder(name)
    return value


def _code(told: Mapping[str, Any], name: str) -> str:
    return _text(told, name, _CODE) if told.get(name) is not None else ""


def _one_of(told: Mapping[str, Any], name: str, known: Iterable[str]) -> str:
    value = told.get(name)
    if not isinstance(value, str) or value not in known:
        raise NotInOrder(name)
    return value


def _amount(told: Mapping[str, Any], name: str, most: int = MOST_MINOR_UNITS) -> int:
    value = told.get(name)
    # True is an int to Python, and 1.0 equals 1.
    if type(value) is not int or not 0 <= value <= most:
        raise NotInOrder(name)
    return value


def _bool(told: Mapping[str, Any], name: str) -> bool | None:
    value = told.get(name)
    if value is not None and not isinstance(value, bool):
        raise NotInOrder(name)
    return value


def _moment(told: Mapping[str, Any], name: str) -> datetime:
    value = told.get(name)
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise NotInOrder(name)
    return at
