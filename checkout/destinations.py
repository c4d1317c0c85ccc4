"""Where the lines of a basket go: to the session's address, or with their group to its own (ACP-047).

A group without an address of its own goes to the session's. One with such an address is a basket
by itself to the merchant's Fulfillment part: it is asked for its options, at its price, to that
address. Its options get ids of their own, because the same option may be offered at each address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext_noop

from checkout.addresses import complete_address, country_problems, incomplete
from checkout.ports import Basket, BasketLine, FulfillmentType, Option, ports
from checkout.problems import Problem, problem

ADDRESS = "$.fulfillment_details.address"
GROUPS = "$.fulfillment_groups"

MOST_ADDRESSES = 10
"""In one session: each is a question to the merchant's part, and a set of options in the answer."""

SHOWN_OF_A_GROUP = 40
"""Letters of a group's id in the titles of its options."""


@dataclass(frozen=True, slots=True)
class Destination:
    """The lines that go to one address; `param` is where that address stands in a request."""

    basket: Basket
    param: str = ADDRESS
    group: str = ""
    """The id of the group whose own address it is; empty for the session's."""
    number: int = 0
    """The place of that group among all groups, from 1."""


@dataclass(frozen=True, slots=True)
class Own:
    """How the merchant's part named an option whose id is ours, and for which group it did."""

    id: str
    group: str


@dataclass(slots=True)
class Wishes:
    """What the groups ask for, by the id of the line."""

    kinds: dict[str, FulfillmentType] = field(default_factory=dict)
    locations: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """Every option of a session, and what they may be chosen for."""

    basket: Basket
    destinations: tuple[Destination, ...]
    options: tuple[Option, ...]
    wishes: Wishes = field(default_factory=Wishes)
    own: Mapping[str, Own] = field(default_factory=dict)


def offer(basket: Basket, groups: Sequence[Mapping[str, Any]] | None, problems: list[Problem]) -> Offer:
    """The options for every line, address by address. What is wrong with a group is added to
    `problems`, and keeps the session from being paid; its lines are priced as if it were not there.
    """
    if not groups:
        return Offer(basket, (Destination(basket),), tuple(ports().fulfillment.options(basket)))
    wishes = Wishes()
    basket, destinations = _split(basket, groups, wishes, problems)
    options: list[Option] = []
    own: dict[str, Own] = {}
    for destination in destinations:
        for option in ports().fulfillment.options(destination.basket):
            scoped = _scoped(option, destination)
            options.append(scoped)
            if destination.number:
                own[scoped.id] = Own(option.id, destination.group)
    found = Offer(basket, tuple(destinations), tuple(options), wishes, own)
    _check_locations(found, groups, problems)
    return found


def names(basket: Basket) -> dict[str, str]:
    """What an agent may call a line, and the line's id: that itself, or its product's (C-28)."""
    return {line.product.id: line.id for line in basket.lines} | {line.id: line.id for line in basket.lines}


def _split(
    basket: Basket, groups: Sequence[Mapping[str, Any]], wishes: Wishes, problems: list[Problem]
) -> tuple[Basket, list[Destination]]:
    named = names(basket)
    lines = {line.id: line for line in basket.lines}
    seen: set[str] = set()
    grouped: set[str] = set()
    elsewhere: list[Destination] = []
    for index, group in enumerate(groups):
        where = f"{GROUPS}[{index}]"
        members = [lines[named[name]] for name in dict.fromkeys(group["item_ids"]) if name in named]
        wrong = _group_problem(group, where, members, seen, grouped)
        address = None
        if wrong is None and (group.get("fulfillment_details") or {}).get("address") is not None:
            address = complete_address(group["fulfillment_details"])
            if address is None:
                wrong = incomplete(f"{where}.fulfillment_details.address")
            elif len(elsewhere) == MOST_ADDRESSES:
                text = gettext_noop(
                    "There are too many addresses: the goods of one session go to ten at most."
                )
                wrong = problem("error", "unsupported", text, param=f"{where}.fulfillment_details.address")
        seen.add(group["id"])
        if wrong is not None:
            problems.append(wrong)
            continue
        ids = {line.id for line in members}
        grouped |= ids
        wishes.kinds |= dict.fromkeys(ids, group["destination_type"])
        if group.get("location_id"):
            wishes.locations |= dict.fromkeys(ids, group["location_id"])
        if address is not None and address != basket.address:
            param = f"{where}.fulfillment_details.address"
            problems += country_problems(address, param)
            part = replace(
                basket, lines=tuple(line for line in basket.lines if line.id in ids), address=address
            )
            elsewhere.append(Destination(part, param, group["id"], index + 1))
    return _apart(basket, elsewhere)


def _apart(basket: Basket, elsewhere: list[Destination]) -> tuple[Basket, list[Destination]]:
    """The whole basket with its lines told where they go, and the addresses, the session's first."""
    if not elsewhere:
        return basket, [Destination(basket)]
    away = {line.id: there.basket.address for there in elsewhere for line in there.basket.lines}
    whole = tuple(
        replace(line, destination=away[line.id]) if line.id in away else line for line in basket.lines
    )
    here = tuple(line for line in basket.lines if line.id not in away)
    first = [Destination(replace(basket, lines=here))] if here else []
    return replace(basket, lines=whole), first + elsewhere


def _group_problem(
    group: Mapping[str, Any], where: str, members: list[BasketLine], seen: set[str], grouped: set[str]
) -> Problem | None:
    """The first thing that is wrong with a group, or None. Every one keeps from being paid."""
    kind, physical = group["destination_type"], any(line.product.physical for line in members)
    if group["id"] in seen:
        text = gettext_noop("Every group needs an id of its own.")
        return problem("error", "invalid", text, param=f"{where}.id")
    if not members or len(members) < len(set(group["item_ids"])):
        text = gettext_noop("item_ids takes the ids of this session's line items.")
        return problem("error", "invalid", text, param=f"{where}.item_ids")
    if grouped.intersection(line.id for line in members) or len({line.id for line in members}) < len(members):
        text = gettext_noop("A line item can be in one group only, and there once.")
        return problem("error", "invalid", text, param=f"{where}.item_ids")
    if kind == "digital" and physical:
        text = gettext_noop("Physical goods cannot be delivered over the network.")
        return problem("error", "invalid", text, param=f"{where}.destination_type")
    if kind != "digital" and not physical:
        text = gettext_noop("These goods are delivered over the network only.")
        return problem("error", "invalid", text, param=f"{where}.destination_type")
    if group.get("location_id") and kind in ("shipping", "digital"):
        text = gettext_noop("A location can be named for pickup and local delivery only.")
        return problem("error", "unsupported", text, param=f"{where}.location_id")
    return None


def _scoped(option: Option, destination: Destination) -> Option:
    """The option, for the lines of its address only, with an id that no other address has."""
    of_address = option.line_ids or tuple(line.id for line in destination.basket.lines)
    if not destination.number:
        return replace(option, line_ids=of_address)
    return replace(
        option,
        id=f"{option.id}:{destination.number}",
        title=f"{option.title} ({destination.group[:SHOWN_OF_A_GROUP]})",
        line_ids=of_address,
        address=destination.basket.address,
    )


def _check_locations(found: Offer, groups: Sequence[Mapping[str, Any]], problems: list[Problem]) -> None:
    """A `location_id` is the id of an offered option of the group's kind; any other is a problem."""
    wished = set(found.wishes.locations.values())
    if not wished:
        return
    offered = {(option.type, own_id(option, found)) for option in found.options}
    for index, group in enumerate(groups):
        place = group.get("location_id")
        if place in wished and (group["destination_type"], place) not in offered:
            text = gettext_noop("location_id takes the id of an offered option of the group's type.")
            where = f"{GROUPS}[{index}].location_id"
            problems.append(problem("error", "invalid", text, param=where))


def own_id(option: Option, found: Offer) -> str:
    """How the merchant's part named the option."""
    own = found.own.get(option.id)
    return own.id if own else option.id
