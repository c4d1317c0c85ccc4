"""What became of an order, as its buyer reads it: deliveries, changes, and what went back.

Nothing here opens anything: no address, no key to a download, no place where a parcel is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop

from checkout.models import Adjustment, Order, Shipment, ShipmentEvent
from checkout.progress import Progress
from gateway.person.amounts import amount_text
from interventions import weblinks
from interventions.translation import Words

ORDER = {
    "created": gettext_noop("placed"),
    "confirmed": gettext_noop("confirmed"),
    "manual_review": gettext_noop("being looked at by the merchant"),
    "processing": gettext_noop("being prepared"),
    "shipped": gettext_noop("on its way"),
    "completed": gettext_noop("delivered"),
    "canceled": gettext_noop("canceled"),
}
"""How an order stands; a word of the merchant's own is shown as it is."""

KINDS = {
    "shipping": gettext_noop("Parcel"),
    "pickup": gettext_noop("Pickup"),
    "digital": gettext_noop("Download"),
}

DELIVERY = {
    "pending": gettext_noop("not begun"),
    "processing": gettext_noop("being prepared"),
    "shipped": gettext_noop("sent"),
    "in_transit": gettext_noop("on its way"),
    "out_for_delivery": gettext_noop("out for delivery today"),
    "ready_for_pickup": gettext_noop("ready to be picked up"),
    "delivered": gettext_noop("delivered"),
    "failed": gettext_noop("could not be delivered"),
    "canceled": gettext_noop("canceled"),
    "failed_attempt": gettext_noop("nobody was met"),
    "returned_to_sender": gettext_noop("sent back to the merchant"),
    "undeliverable": gettext_noop("could not be delivered"),
}
"""How a delivery stands, and what happened to it."""

CHANGES = {
    "refund": gettext_noop("Refund"),
    "credit": gettext_noop("Credit"),
    "return": gettext_noop("Return"),
    "exchange": gettext_noop("Exchange"),
    "price_adjustment": gettext_noop("Price changed"),
    "cancellation": gettext_noop("Cancellation"),
    "dispute": gettext_noop("Dispute"),
}

ENDS = {
    "pending": gettext_noop("under way"),
    "completed": gettext_noop("done"),
    "failed": gettext_noop("not done"),
}


@dataclass(frozen=True, slots=True)
class Happening:
    at: datetime
    what: str
    more: str


@dataclass(frozen=True, slots=True)
class Delivery:
    kind: str
    status: str
    items: tuple[str, ...]
    carrier: str
    number: str
    link: str
    host: str
    """Whose page the link opens: said in full, because it is not ours."""
    is_digital: bool
    more: str
    events: tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class Change:
    at: datetime
    what: str
    status: str
    amount: str
    items: tuple[str, ...]
    more: str


@dataclass(frozen=True, slots=True)
class Story:
    status: str
    deliveries: tuple[Delivery, ...]
    changes: tuple[Change, ...]
    refunded: str
    """What went back, or ""."""


def of(order: Order, came: Progress, language: str, said: Words) -> Story:
    titles = {line["id"]: line["title"] for line in order.quote["lines"]}
    return Story(
        status=_said(ORDER, order.status, said),
        deliveries=tuple(_delivery(row, events, titles, said) for row, events in came.shipments),
        changes=tuple(_change(row, titles, language, said) for row in came.adjustments),
        refunded=amount_text(came.refunded, order.currency, language) if came.refunded else "",
    )


def _delivery(
    row: Shipment, events: Sequence[ShipmentEvent], titles: Mapping[str, str], said: Words
) -> Delivery:
    return Delivery(
        kind=_said(KINDS, row.type, said),
        status=_said(DELIVERY, row.status, said),
        items=_items(row.lines, titles),
        carrier=row.carrier,
        number=row.tracking_number,
        link=row.tracking_url,
        host=weblinks.parse(row.tracking_url).netloc if row.tracking_url else "",
        is_digital=row.type == "digital",
        more=row.description,
        events=tuple(
            Happening(event.occurred_at, _said(DELIVERY, event.type, said), event.description)
            for event in events
        ),
    )


def _change(row: Adjustment, titles: Mapping[str, str], language: str, said: Words) -> Change:
    return Change(
        at=row.occurred_at,
        what=_said(CHANGES, row.type, said),
        status=_said(ENDS, row.status, said),
        amount="" if row.amount is None else amount_text(row.amount, row.currency, language),
        items=_items(row.lines, titles),
        more=row.description,
    )


def _items(lines: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{entry['quantity']} x {titles[entry['id']]}" for entry in lines)


def _said(words: Mapping[str, str], value: str, said: Words) -> str:
    return said(words[value]) if value in words else value
