"""What a person reads above the button that pays: who they are, and where everything goes.

Each place and each contact is there, whoever has said it. An agent may have split the purchase among
several places, named somebody else for the delivery, or left a note for the shop: it can hide nothing
of that from who pays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop

from checkout.models import CheckoutSession
from checkout.untrusted import visible
from gateway.person import country_names, handoff_delivery, handoff_steps
from gateway.person.handoff_steps import Step
from interventions import translation

CONTACT, ADDRESS, DELIVERY = gettext_noop("Contact"), gettext_noop("Address"), gettext_noop("Delivery")
FOR_DELIVERY = gettext_noop("Contact for the delivery")
NOTE = gettext_noop("Note to the shop")

JOINERS = "\u200c\u200d"
"""Unseen, and yet part of how Persian or Hindi is spelt."""
MEMBERS = ("name", "email", "phone_number")
"""How whoever takes a delivery is reached, as a session says it."""


@dataclass(frozen=True, slots=True)
class Row:
    """Something that was filled in, by the person or before them."""

    name: str
    lines: tuple[str, ...]
    step: Step | None = None
    """The question that changes it; None where none does."""


def rows(session: CheckoutSession, language: str) -> list[Row]:
    """All of it, in the language of its reader."""
    return [
        Row(name, tuple(visible(str(line), keep=JOINERS) for line in lines if line), step)
        for name, lines, step in _rows(session, language, translation.words(language))
    ]


Told = tuple[str, Iterable[object], Step | None]


def _rows(session: CheckoutSession, language: str, said: translation.Words) -> Iterator[Told]:
    buyer, details = session.buyer or {}, session.fulfillment_details or {}
    own = {handoff_steps.name_of(buyer), buyer.get("email"), buyer.get("phone_number")}
    yield said(CONTACT), (handoff_steps.name_of(buyer), *_reached(buyer)), Step.CONTACT
    ways = handoff_steps.in_force(session)
    brought = any(way["type"] != "pickup" and not way.get("address") for way in ways)
    if brought or Step.ADDRESS in handoff_steps.asked(session):
        yield said(ADDRESS), address(details.get("address") or {}, said), Step.ADDRESS
    own.add((details.get("address") or {}).get("name"))
    if others := _others(details, own):
        yield said(FOR_DELIVERY), others, None
    for way in ways:
        told = handoff_delivery.way_of(way, session.currency, language, chosen=True)
        lines = [f"{told.title}, {told.price}", *told.more, *address(way.get("address") or {}, said)]
        yield said(DELIVERY), [*(_goods(session, way) if len(ways) > 1 else ()), *lines], Step.DELIVERY
    for group in session.fulfillment_groups or ():
        lines = [*_others(group.get("fulfillment_details") or {}, own), group.get("instructions")]
        if any(lines):
            yield said(FOR_DELIVERY), [_named(session, group["item_ids"]), *lines], None
    if notes := session.extras.get("order_notes"):
        yield said(NOTE), [notes], None


def address(of: Mapping[str, Any], said: translation.Words) -> list[object]:
    """As it is written on a parcel, without the parts that it does not have."""
    place = " ".join(str(of[name]) for name in ("postal_code", "city") if of.get(name))
    country = str(of.get("country", ""))
    named = said(country_names.NAMES[country]) if country in country_names.NAMES else country
    return [of.get("name"), of.get("line_one"), of.get("line_two"), place, of.get("state"), named]


def _reached(buyer: Mapping[str, Any]) -> list[object]:
    return [buyer.get("email"), buyer.get("phone_number")]


def _others(details: Mapping[str, Any], own: set[Any]) -> list[object]:
    """Whoever takes the delivery, where that is not who buys."""
    return [details[member] for member in MEMBERS if details.get(member) and details[member] not in own]


def _goods(session: CheckoutSession, way: Mapping[str, Any]) -> list[str]:
    carried = [
        line_id
        for entry in session.quote["selected"]
        if entry["option_id"] == way["id"]
        for line_id in entry["line_ids"]
    ]
    return [_named(session, carried)]


def _named(session: CheckoutSession, ids: Iterable[str]) -> str:
    """The lines as their buyer reads them, however the agent has named them."""
    wanted = set(ids)
    lines = [line for line in session.quote["lines"] if wanted & {line["id"], line["item_id"]}]
    return ", ".join(f"{line['quantity']} \u00d7 {line['title']}" for line in lines)
