"""One-time codes that somebody wrote where they do not belong: "my code is 123456" (T20).

While a person is asked for a code, runs of as many digits as a code has are masked in the order
notes and in what says who the buyer is, before anything is stored. Not in phone numbers, e-mail
addresses and ids, which are digits. Nor in where the goods go, where a masked house number would
send them elsewhere: a change there voids the code that it might hold (decision 21).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interventions import masking
from interventions.ports import ports

WORDS = frozenset({"buyer", "extras"})
DIGITS = frozenset({"email", "phone_number", "id"})


def masked(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes of a session whose buyer is being asked, without what may be the code."""
    digits = ports().rules.code_digits
    return {name: _masked(value, digits) if name in WORDS else value for name, value in changes.items()}


def _masked(value: Any, digits: int) -> Any:
    match value:
        case str():
            return masking.without_codes(value, digits)
        case Mapping():
            return {
                name: inner if name in DIGITS or name.endswith("_id") else _masked(inner, digits)
                for name, inner in value.items()
            }
        case list():
            return [_masked(inner, digits) for inner in value]
        case _:
            return value
