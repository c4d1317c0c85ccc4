"""Bodies with a card in them, already judged by their schema, as inputs of the domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from checkout.errors import Invalid, NotFound
from checkout.payments.authenticator import Place, Wanted
from checkout.payments.vault import Allowance, Card
from gateway import carddata, strict_json
from gateway.acp.requests import METADATA_BYTES, METADATA_NAMES, SESSION_ID
from gateway.conf import conf
from gateway.errors import SchemaViolation
from interventions.weblinks import LOOPBACK, parse
from schemas import jsonpath

HOLDER = "payment_method"
CARD_MEMBERS = frozenset({"number", "exp_month", "exp_year", "cvc", "cryptogram", "card_number_type"})
"""Where the body may hold card data: here, and nowhere else."""
DISPLAYED = ("display_brand", "display_last4", "display_wallet_type", "iin")
LEAST_DIGITS = 12


def misplaced(body: dict[str, Any]) -> str | None:
    """The JSONPath of card data outside of the card's own members, None when there is none (T94).

    The number of the card itself is looked for in every other text, notes and names of members
    included: those are kept or sent back.
    """
    holder = body.get(HOLDER)
    if not isinstance(holder, dict):
        return carddata.find(body)
    # An object in place of a text is no card number, and goes the way of everything else.
    own = {name for name in CARD_MEMBERS & set(holder) if not isinstance(holder[name], dict | list)}
    rest = {**body, HOLDER: {name: value for name, value in holder.items() if name not in own}}
    if found := carddata.find(rest):
        return found
    found_at = next((path for path, text in _texts(rest, ()) if repeats_number(body, text)), None)
    return None if found_at is None else jsonpath.rendered(found_at)[0]


def repeats_number(body: Mapping[str, Any], text: str) -> bool:
    """The number of the card in `body` is in `text` too, whatever stands between its digits."""
    holder = body.get(HOLDER)
    digits = _digits(holder.get("number")) if isinstance(holder, dict) else ""
    return len(digits) >= LEAST_DIGITS and digits in _digits(text)


def card(body: Mapping[str, Any]) -> Card:
    given = body[HOLDER]
    return Card(
        number=given["number"],
        number_type=given.get("card_number_type", "fpan"),
        funding=given.get("display_card_funding_type", ""),
        exp_month=given.get("exp_month"),
        exp_year=given.get("exp_year"),
        cvc=given.get("cvc"),
        name=given.get("name"),
        cryptogram=given.get("cryptogram"),
        eci=given.get("eci_value"),
        checks_performed=tuple(given.get("checks_performed", ())),
        display={name: given[name] for name in DISPLAYED if name in given},
        metadata=given.get("metadata", {}),
        virtual=given.get("virtual", False),
    )


def allowance(body: Mapping[str, Any], owner: str) -> Allowance:
    """What the agent `owner` allows."""
    given = body["allowance"]
    return Allowance(
        max_amount=int(given["max_amount"]),
        currency=given["currency"],
        checkout_session_id=given["checkout_session_id"],
        merchant_id=given["merchant_id"],
        expires_at=datetime.fromisoformat(given["expires_at"].upper()).astimezone(UTC),
        reason=given["reason"],
        owner=owner,
    )


def metadata(body: Mapping[str, Any]) -> dict[str, str]:
    """Raises SchemaViolation for metadata beyond their bounds: they are sent back with every repeat."""
    given: dict[str, str] = body["metadata"]
    if len(given) > METADATA_NAMES or len(strict_json.dumps(given)) > METADATA_BYTES:
        text = f"metadata takes at most {METADATA_NAMES} names and {METADATA_BYTES // 1024} KiB."
        raise SchemaViolation(text, param="$.metadata")
    return given


def wanted(body: Mapping[str, Any]) -> Wanted:
    preference = body.get("flow_preference") or {}
    return Wanted(
        card=card(body),
        merchant_id=body["merchant_id"],
        amount=int(body["amount"]["value"]),
        currency=body["amount"]["currency"].lower(),
        place=place(body),
        prefers_challenge=preference.get("type") == "challenge",
        acquirer=body.get("acquirer_details", {}),
    )


def place(body: Mapping[str, Any]) -> Place:
    """Raises SchemaViolation for an address that no browser should be sent to (T29), and Invalid for what
    is no session's id: it may be a secret, and goes into no statement."""
    channel, url = body.get("channel"), body.get("challenge_notification_url", "")
    if url:
        _check_link(url)
    if (session_id := body.get("checkout_session_id")) and not SESSION_ID.fullmatch(session_id):
        raise Invalid(NotFound.message, param="$.checkout_session_id")
    return Place(
        browser=channel["browser"] if channel else None,
        return_url=url,
        session_id=body.get("checkout_session_id", ""),
        shopper=body.get("shopper_details", {}),
    )


def _check_link(url: str) -> None:
    try:
        link = parse(url)
        good = link.scheme == "https" or (conf().DEMO and link.host in LOOPBACK)
    except ValueError:
        good = False
    if not good:
        text = "The browser comes back to an https address, in plain form."
        raise SchemaViolation(text, param="$.challenge_notification_url")


def _texts(node: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text with its place, and every name with the place of the object that has it."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield path, name
            yield from _texts(value, (*path, name))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _texts(value, (*path, index))
    elif isinstance(node, str):
        yield path, node
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield path, str(node)


def _digits(text: object) -> str:
    return "".join(letter for letter in text if letter in "0123456789") if isinstance(text, str) else ""
