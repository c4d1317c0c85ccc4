"""The built-in address check: forms and tables, no network. What it cannot judge it does not doubt."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from interventions.ports import AddressFinding, Doubt, PostalAddress
from interventions.providers.postal import ALSO_WRITTEN, COUNTRIES, FIRST_LETTERS, FORMS, STATES

LONGEST = 60
"""What is longer is no code and no state, and is not looked at any closer."""


class TableCheck:
    """Countries by their codes; states and postal codes where the tables know the country."""

    def check(self, address: PostalAddress) -> Sequence[AddressFinding]:
        """See `AddressCheck`."""
        country, found = _country(address.country)
        state, about_state = _state(country, address.state)
        code, about_code = _postal_code(country, address.postal_code)
        findings = [entry for entry in (found, about_state, about_code) if entry is not None]
        if state and code and about_code is None and _elsewhere(country, state, code):
            findings.append(AddressFinding("postal_code", Doubt.MISPLACED))
        return findings


def _country(written: str) -> tuple[str, AddressFinding | None]:
    """The country's code, "" when nobody knows which is meant, and what is wrong with how it is written."""
    if written in COUNTRIES:
        return written, None
    plain = _plain(written)
    code = plain if plain in COUNTRIES else ALSO_WRITTEN.get(plain, "")
    if not code:
        return "", AddressFinding("country", Doubt.UNKNOWN)
    return code, AddressFinding("country", Doubt.SPELLING, code)


def _state(country: str, written: str) -> tuple[str, AddressFinding | None]:
    known = STATES.get(country)
    if known is None:
        return "", None
    if known.get(written) == written:
        return written, None
    plain = _plain(written)
    code = known.get(plain) or known.get(plain.removeprefix(country))  # ISO 3166-2 writes US-CA
    if code is None:
        return "", AddressFinding("state", Doubt.UNKNOWN)
    return code, AddressFinding("state", Doubt.SPELLING, code)


def _postal_code(country: str, written: str) -> tuple[str, AddressFinding | None]:
    form = FORMS.get(country)
    if form is None:
        return "", None
    plain = _plain(written)
    matched = form.pattern.fullmatch(plain)
    for prefix in form.prefixes:
        matched = matched or form.pattern.fullmatch(plain.removeprefix(prefix))
    if matched is None:
        return "", AddressFinding("postal_code", Doubt.MALFORMED, example=form.example)
    code = form.joint.join(part for part in matched.groups() if part)
    return code, None if code == written else AddressFinding("postal_code", Doubt.SPELLING, code)


def _elsewhere(country: str, state: str, code: str) -> bool:
    """Postal codes that begin like this one lie in other states."""
    table = FIRST_LETTERS.get(country)
    return table is not None and state not in table.get(code[0], frozenset())


def _plain(text: str) -> str:
    """Capitals and digits alone, as they are compared; nothing for what is too long to be a code."""
    if len(text) > LONGEST:
        return ""
    return "".join(letter for letter in unicodedata.normalize("NFKC", text).upper() if letter.isalnum())
