"""What a session's policies and its risk are judged by, and what is remembered of a payment that was
not made: it counts for the rest of the session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from checkout.addresses import complete_address
from checkout.models import CheckoutSession
from checkout.payments.outcomes import Instrument
from checkout.pricing import Quote
from interventions import countries
from interventions.policy import Facts
from interventions.ports import RiskFacts

TENDER = "tender"
"""The member of a quote that remembers; agents are never shown it."""


def of_session(session: CheckoutSession, *, handler: str = "") -> Facts:
    """The facts as last priced. What can be paid although nobody knows where it goes is met by the
    policies of every country: an address that is left out skips none, nor does one whose country is
    no code that is assigned. Carriers know what is meant by UK."""
    quote = session.quote
    named = _countries(session)
    known = named - {""}
    return Facts(
        tags=frozenset(tag for line in quote["lines"] for tag in line["tags"]),
        amount=session.total,
        currency=session.currency,
        countries=known,
        anywhere=quote["ready"] and (not known or "" in named),
        owner=session.owner,
        handler=handler,
    )


def of_risk(session: CheckoutSession, *, contact: str, tendered: Instrument | None) -> RiskFacts:
    """The facts for whoever weighs the risk, with what it is paid with once that is known."""
    known = RiskFacts(
        subject=session.id,
        owner=session.owner,
        amount=session.total,
        currency=session.currency,
        countries=destinations(session),
        contact=contact,
        delivery_address=delivery_address(session),
    )
    if tendered is None:
        return known
    return replace(
        known,
        tendered=True,
        handler=tendered.handler_id,
        billing_address=tendered.billing_address,
        signals=tendered.risk_signals or {},
    )


def delivery_address(session: CheckoutSession) -> Mapping[str, Any] | None:
    """The complete address that goods go to: the session's, else the first that a group has."""
    groups = session.fulfillment_groups or ()
    for details in (session.fulfillment_details, *(group.get("fulfillment_details") for group in groups)):
        if address := complete_address(details):
            return address
    return None


def destinations(session: CheckoutSession) -> frozenset[str]:
    """The countries that anything of the session goes to, or is fetched in, as far as they are known."""
    return _countries(session) - {""}


def handler(quote: Quote) -> str:
    """What the session was to be paid with when somebody had to be asked for it; "" otherwise."""
    found: str = (quote.get(TENDER) or {}).get("handler", "")
    return found


def held(quote: Quote) -> tuple[str, ...]:
    """What made an earlier payment of the session risky."""
    return tuple((quote.get(TENDER) or {}).get("held", ()))


def remember(quote: Quote, handler: str, held: Sequence[str]) -> None:
    """While a person or the merchant is asked because of it, the handler counts with every pricing; what
    made a payment risky counts for good, because the next one may leave out what showed it."""
    asked = "pending" in quote or "approval" in quote
    kept = {"handler": handler if asked else "", "held": list(held)}
    quote.pop(TENDER, None)
    if any(kept.values()):
        quote[TENDER] = kept


def _countries(session: CheckoutSession) -> frozenset[str]:
    """The countries of its addresses; "" is among them when one names another country than there is."""
    named = (address.get("country") for address in _addresses(session))
    return frozenset(countries.known(country) for country in named if country)


def _addresses(session: CheckoutSession) -> Iterator[Mapping[str, Any]]:
    """Every address that the session names, complete or not, and those of chosen pick-up places."""
    places = [session.fulfillment_details]
    places += [group.get("fulfillment_details") for group in session.fulfillment_groups or ()]
    offered = {option["id"]: option for option in session.quote["options"]}
    chosen = (offered.get(entry["option_id"], {}) for entry in session.quote["selected"])
    places += [option.get("location") for option in chosen]
    for place in places:
        address = (place or {}).get("address")
        if isinstance(address, Mapping):
            yield address
