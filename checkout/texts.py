"""What a merchant's stack says of an order, judged before it is stored: texts, codes, times, links."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from checkout.errors import Invalid
from interventions import weblinks

LONGEST_URL = 2048
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ADDRESS = ("name", "line_one", "city", "state", "country", "postal_code")
_ADDRESS_MORE = ("line_two", "company")


def text(value: object, name: str, longest: int) -> str:
    """One line of it, nothing hidden. Raises Invalid."""
    if not isinstance(value, str) or len(value) > longest:
        raise Invalid(f"{name} must be a text of at most {longest} characters.", param=name)
    if any(unicodedata.category(letter) in _UNSEEN for letter in value):
        raise Invalid(f"{name} must be one line without hidden characters.", param=name)
    return value.strip()


def needed(value: object, name: str, longest: int) -> str:
    """As `text`, and not empty."""
    found = text(value, name, longest)
    if not found:
        raise Invalid(f"{name} is needed.", param=name)
    return found


def code(value: object, name: str) -> str:
    """A word of an open list, such as a type or a status. Raises Invalid."""
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise Invalid(f"{name} must be a word of at most 32 letters, digits, '_', '.' or '-'.", param=name)
    return value


def link(value: object, name: str) -> str:
    """ "" or a plain https address. Raises Invalid, which does not repeat it."""
    if value == "":
        return ""
    try:
        if isinstance(value, str) and weblinks.parse(value).scheme == "https":
            return value
    except ValueError:
        pass
    raise Invalid(f"{name} must be a plain https address.", param=name)


def moment(value: Any, name: str = "occurred_at") -> datetime:
    """The time, or now. Raises Invalid for one without a zone."""
    if value is None:
        return timezone.now()
    if isinstance(value, datetime) and timezone.is_aware(value):
        return value
    raise Invalid(f"{name} must be a time with its zone.", param=name)


def span(earliest: datetime | None, latest: datetime | None) -> tuple[datetime | None, datetime | None]:
    """Both or neither, in order. Raises Invalid."""
    if earliest is None and latest is None:
        return None, None
    if earliest is None or latest is None:
        raise Invalid("An estimate has both ends.", param="earliest")
    if moment(earliest, "earliest") > moment(latest, "latest"):
        raise Invalid("latest must not be before earliest.", param="latest")
    return earliest, latest


def amount(value: object, most: int, name: str = "amount", *, least: int = 1) -> int:
    """Minor units within bounds (T62). Raises Invalid."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Invalid(f"{name} must be a whole number of minor units from {least} to {most}.", param=name)
    return value


def address(value: Mapping[str, Any] | None, name: str = "destination") -> dict[str, str] | None:
    """A complete postal address with what belongs to one. Raises Invalid."""
    if value is None:
        return None
    known = (*_ADDRESS, *_ADDRESS_MORE)
    found = {part: text(value[part], f"{name}.{part}", 200) for part in known if part in value}
    if any(not found.get(part) for part in _ADDRESS):
        raise Invalid(f"{name} must be a complete address.", param=name)
    return {part: said for part, said in found.items() if said}
