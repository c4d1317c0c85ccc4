"""What a merchant asks a person to confirm, read from the address that brings the person here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.wallet.registration import Client

ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}", re.ASCII)
CURRENCY = re.compile(r"[a-z]{3}", re.ASCII)
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
OPAQUE = re.compile(r"[!-~]{1,512}", re.ASCII)
MOST_MINOR_UNITS = 2**53 - 1
LONGEST_DESCRIPTION = 200
WITHOUT_CENTS = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split())
WITH_MILS = frozenset("bhd iqd jod kwd lyd omr tnd".split())

FIELDS = (
    *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method", "confirmation"),
)
"""Everything of a request that is carried from the page to its answer."""


class BadRequest(Exception):
    """The page cannot be shown; the text says why, without what was sent. Never a redirect."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is in order. `amount` is in minor units of `currency`, which is in lower case."""

    client: Client
    redirect_uri: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    challenge: str = field(repr=False)
    id: str
    amount: int
    currency: str
    description: str

    @property
    def amount_text(self) -> str:
        return amount_text(self.amount, self.currency)


def amount_text(amount: int, currency: str) -> str:
    """For people: `1,299.99 USD`."""
    digits = 0 if currency in WITHOUT_CENTS else 3 if currency in WITH_MILS else 2
    whole, rest = divmod(amount, 10**digits)
    return f"{whole:,}" + (f".{rest:0{digits}d}" if digits else "") + f" {currency.upper()}"


def read(given: Mapping[str, str], clients: Mapping[str, Client]) -> Asked:
    """The request in parts. Raises BadRequest for whatever is not in order."""
    client = clients.get(given.get("client_id", ""))
    if client is None:
        raise BadRequest("This merchant is not known here.")
    redirect_uri = given.get("redirect_uri", "")
    if not client.knows(redirect_uri):
        raise BadRequest("The address to return to is not registered.")
    if given.get("response_type") != "code" or "openid" not in given.get("scope", "").split():
        raise BadRequest("Only the code flow of OpenID Connect is spoken here.")
    if given.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(
        given.get("code_challenge", "")
    ):
        raise BadRequest("A code challenge of method S256 is missing.")
    if not OPAQUE.fullmatch(given.get("state", "")) or not OPAQUE.fullmatch(given.get("nonce", "")):
        raise BadRequest("State or nonce is missing.")
    wanted = _confirmation(given.get("confirmation", ""))
    return Asked(
        client=client,
        redirect_uri=redirect_uri,
        state=given["state"],
        nonce=given["nonce"],
        challenge=given["code_challenge"],
        id=wanted["id"],
        amount=wanted["amount"],
        currency=wanted["currency"],
        description=wanted.get("description", ""),
    )


def _confirmation(text: str) -> dict[str, Any]:
    try:
        wanted = json.loads(text)
    except (ValueError, RecursionError):
        wanted = None
    right = (
        isinstance(wanted, dict)
        and _matches(ID, wanted.get("id"))
        and _matches(CURRENCY, wanted.get("currency"))
        and type(wanted.get("amount")) is int
        and 0 <= wanted["amount"] <= MOST_MINOR_UNITS
        and isinstance(wanted.get("description", ""), str)
        and len(wanted.get("description", "")) <= LONGEST_DESCRIPTION
    )
    if not right:
        raise BadRequest("What is to be confirmed is missing.")
    return dict(wanted or {})


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
