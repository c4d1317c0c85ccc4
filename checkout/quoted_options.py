"""Delivery options as a quote keeps them: plain data, each kind with its own members.

offered   id, own_id, type, title, description, price, tax, and of its kind what is known;
          `own_id` is the merchant's id, `group` the group it was offered for, if that has an
          address of its own, and `address` then that address
selected  type, option_id, item_ids as the agent sent them (C-28), line_ids
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from checkout.destinations import Offer
from checkout.ports import ChosenOption, Option, PickupPlace
from checkout.selection import Selected


def offered(option: Option, offer: Offer, *, tax: int) -> dict[str, Any]:
    own = offer.own.get(option.id)
    entry: dict[str, Any] = {
        "id": option.id,
        "own_id": own.id if own else option.id,
        "type": option.type,
        "title": option.title,
        "description": option.description,
        "price": option.price,
        "tax": tax,
    }
    if own:
        entry |= {"group": own.group, "address": option.address}
    match option.type:
        case "shipping":
            entry |= {
                "carrier": option.carrier,
                "earliest": _instant(option.earliest),
                "latest": _instant(option.latest),
            }
        case "pickup":
            entry |= {
                "location": _place(option.location),
                "pickup_type": option.pickup_type,
                "ready_by": _instant(option.ready_by),
                "pickup_by": _instant(option.pickup_by),
            }
        case "local_delivery":
            entry |= {"delivery_window": _window(option), "service_area": _area(option)}
    return entry


def selected(choice: Selected) -> dict[str, Any]:
    return {
        "type": choice.option.type,
        "option_id": choice.option.id,
        "item_ids": list(choice.item_ids),
        "line_ids": list(choice.line_ids),
    }


def chosen(quote: Mapping[str, Any], details: Mapping[str, Any] | None) -> tuple[ChosenOption, ...]:
    """The options that a quote was paid with; one chosen twice, for different lines, once."""
    entries = {entry["id"]: entry for entry in quote["options"]}
    carried: dict[str, list[str]] = {}
    for choice in quote["selected"]:
        carried.setdefault(choice["option_id"], []).extend(choice["line_ids"])
    return tuple(
        ChosenOption(
            type=entries[option_id]["type"],
            option_id=entries[option_id]["own_id"],
            title=entries[option_id]["title"],
            price=entries[option_id]["price"],
            tax=entries[option_id]["tax"],
            line_ids=tuple(line_ids),
            address=_destination(entries[option_id], details),
        )
        for option_id, line_ids in carried.items()
    )


def _destination(entry: Mapping[str, Any], details: Mapping[str, Any] | None) -> Mapping[str, str] | None:
    if entry["type"] == "pickup":
        fetched_at: Mapping[str, str] = entry["location"]["address"]
        return fetched_at
    return entry.get("address") or (details or {}).get("address")


def _place(place: PickupPlace | None) -> dict[str, Any] | None:
    if place is None:
        return None
    told = {"phone": place.phone, "instructions": place.instructions}
    known = {name: text for name, text in told.items() if text}
    return {"name": place.name, "address": dict(place.address), **known}


def _window(option: Option) -> dict[str, str] | None:
    window = option.delivery_window
    return {"start": _instant(window.start), "end": _instant(window.end)} if window else None


def _area(option: Option) -> dict[str, Any] | None:
    area = option.service_area
    if area is None:
        return None
    told = {"radius_miles": area.radius_miles, "center_postal_code": area.center_postal_code}
    return {name: value for name, value in told.items() if value}


def _instant(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
