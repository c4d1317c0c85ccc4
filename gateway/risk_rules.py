"""What may stand in the setting `RISK`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from checkout.risk import HouseRules

RULES = {field.name: field.default for field in fields(HouseRules)}
CURRENCY = re.compile(r"[a-z]{3}")


def problems(given: Any) -> Iterator[str]:
    """What is wrong with the rules, each beginning with the member it is about."""
    if not isinstance(given, Mapping):
        yield "must be a dict of rules."
        return
    for name, value in given.items():
        if name not in RULES:
            yield f"has no rule {str(name)!r}. The rules are: {', '.join(sorted(RULES))}."
        elif name.endswith("amounts"):
            if not isinstance(value, Mapping) or not all(_is_amount(*entry) for entry in value.items()):
                yield f"['{name}'] must be a dict of currencies, such as usd, and whole minor units."
        elif isinstance(RULES[name], bool):
            if not isinstance(value, bool):
                yield f"['{name}'] must be True or False."
        elif not _is_count(value) or (name.endswith("seconds") and value == 0):
            yield f"['{name}'] must be a whole number."


def _is_amount(currency: Any, amount: Any) -> bool:
    return isinstance(currency, str) and bool(CURRENCY.fullmatch(currency)) and _is_count(amount)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0
