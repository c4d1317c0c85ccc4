"""Addresses as an agent sends them: complete or not, and with a country that taxes can be told by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop

from checkout.problems import Problem, problem

COUNTRY = re.compile(r"[A-Za-z]{2}")
ADDRESS_PARTS = ("name", "line_one", "city", "state", "country", "postal_code")


def complete_address(details: Mapping[str, Any] | None) -> Mapping[str, str] | None:
    """The delivery address when every required part of it is there (ACP-059)."""
    address = (details or {}).get("address")
    if isinstance(address, Mapping) and all(str(address.get(part, "")).strip() for part in ADDRESS_PARTS):
        return address
    return None


def country_problems(address: Mapping[str, str], where: str) -> list[Problem]:
    """What is wrong with the country of the complete address that stands at `where`."""
    if COUNTRY.fullmatch(address["country"]):
        return []
    text = gettext_noop("The country must be its two-letter code (ISO 3166-1), such as US.")
    return [problem("error", "invalid", text, param=f"{where}.country", resolution="requires_buyer_input")]


def incomplete(where: str) -> Problem:
    """The problem of an address at `where` that is missing, or parts of it are."""
    text = gettext_noop(
        "A complete delivery address is needed: name, line_one, city, state, country, postal_code."
    )
    return problem("error", "missing", text, param=where, resolution="requires_buyer_input")
