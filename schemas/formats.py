"""Formats that both engines ask about here, because their own answers differ or let too much through.

Left to themselves, jsonschema takes every text with an "@" for an address, and jsonschema-rs takes a display
name along with one and some texts with a stray sign or dot for a date. What is accepted here is mailed to
and stored.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address

_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(
    rf"(?P<local>{_ATOM}(?:\.{_ATOM})*|\"(?:[ !#-\[\]-~]|\\[ -~])*\")"
    rf"@(?:{_LABEL}(?:\.{_LABEL})*|\[(?P<literal>[0-9.]+)\])"
)


def is_date_time(text: str) -> bool:
    """RFC 3339, and a moment that `datetime` can hold in UTC: no leap second, no year 0."""
    if len(text) > _LONGEST_KEPT:  # any number of digits may follow the second
        return _is_moment(text)
    return _is_known_moment(text)


def _is_moment(text: str) -> bool:
    if not _DATE_TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return True


# One answer is asked about the same few days many times: every branch of a union asks again.
_is_known_moment = lru_cache(maxsize=512)(_is_moment)
_LONGEST_KEPT = 40


def is_email(text: str) -> bool:
    """A mailbox as RFC 5321 has it: ASCII, no display name, a host name or an IPv4 literal."""
    found = _EMAIL.fullmatch(text)
    if found is None or len(found["local"]) > 64 or len(text) > 254:
        return False
    if found["literal"] is None:
        return True
    try:
        IPv4Address(found["literal"])
    except AddressValueError:
        return False
    return True
