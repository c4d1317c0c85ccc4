"""Where a code was sent, shown so that only the person recognises it (ACP-147)."""

from __future__ import annotations

import re

SHORT_NAME = 3
"""The longest first part of a domain that would name its owner by itself, and is masked."""

PHONE_DIGITS_SHOWN = 2
FEWEST_PHONE_DIGITS = 6
STARS = "***"


def hint(destination: str) -> str:
    """First character and domain of a mail address; the last two digits of a phone number.

    The number of stars says nothing about the length. A short domain keeps its ending only.
    What is neither address nor number is not shown at all.
    """
    text = destination.strip()
    local, at, domain = text.rpartition("@")
    if at:
        return f"{_first(local)}{STARS}@{_domain(domain)}"
    digits = [character for character in text if character in "0123456789"]
    if len(digits) < FEWEST_PHONE_DIGITS:
        return STARS
    return STARS + "".join(digits[-PHONE_DIGITS_SHOWN:])


def without_codes(text: str, digits: int) -> str:
    """The text with a star for each digit of a run as long as a code, in one piece or in two halves
    with a space or a hyphen between them. Longer and shorter runs stay."""
    half = digits // 2
    run = rf"(?<!\d)(?:\d{{{digits}}}|\d{{{half}}}[ -]\d{{{digits - half}}})(?!\d)"
    return re.sub(run, lambda found: re.sub(r"\d", "*", found[0]), text)


def _first(local: str) -> str:
    """The first character, where there are others to hide and it is one a reader can see."""
    return local[0] if len(local) > 1 and local[0].isalnum() else ""


def _domain(domain: str) -> str:
    name, dot, rest = domain.lower().partition(".")
    if not dot or not rest:
        return STARS
    return f"{STARS}.{rest}" if len(name) <= SHORT_NAME else domain.lower()
