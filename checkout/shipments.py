"""Goods on their way: parcels, pick-ups and downloads, and what happens to them (ACP-224, ACP-225).

A delivery takes pieces of lines that are in no other. They count as fulfilled once it has left, and are
free again when it was canceled or came back. Its status is what its newest event says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from checkout import orders, quantities, texts
from checkout.errors import Invalid, KeyReused, OrderNotFound, StateConflict, TooMany
from checkout.models import Order, Payment, Shipment, ShipmentEvent
from checkout.order_models import LONGEST_KEY
from checkout.ports import ports
from checkout.quantities import Pieces
from checkout.states import PaymentState

SHIPPING, PICKUP, DIGITAL = "shipping", "pickup", "digital"

STATUS = {
    "processing": "processing",
    "shipped": "shipped",
    "in_transit": "in_transit",
    "out_for_delivery": "out_for_delivery",
    "ready_for_pickup": "ready_for_pickup",
    "delivered": "delivered",
    "returned_to_sender": "failed",
    "undeliverable": "failed",
    "canceled": "canceled",
}
"""How a delivery stands after an event of this type; a failed attempt, or a type nobody knows, leaves it
as it was."""

ONLY = {
    "shipped": SHIPPING,
    "in_transit": SHIPPING,
    "out_for_delivery": SHIPPING,
    "ready_for_pickup": PICKUP,
}
"""What can be said of one kind of delivery alone."""

BEGINS = {SHIPPING: "shipped", PICKUP: "ready_for_pickup", DIGITAL: "delivered"}
"""The first event of a delivery, unless the merchant says another."""

LEFT = frozenset({"shipped", "in_transit", "out_for_delivery", "delivered"})
BACK = frozenset({"failed", "canceled"})


def ship(
    order_id: str,
    *,
    key: str,
    lines: Pieces | None = None,
    type: str = "",
    event: str = "",
    carrier: str = "",
    tracking_number: str = "",
    tracking_url: str = "",
    destination: Mapping[str, Any] | None = None,
    earliest: datetime | None = None,
    latest: datetime | None = None,
    access_url: str = "",
    license_key: str = "",
    access_expires_at: datetime | None = None,
    description: str = "",
    occurred_at: datetime | None = None,
    actor: str = orders.MERCHANT,
) -> Shipment:
    """A delivery of these pieces, or of all that are in none, exists, and the order's agent hears of it.

    `type` is shipping, pickup or digital, by default what the buyer chose. `event` is where it begins:
    processing, or by default shipped, ready_for_pickup or delivered by its type. When goods leave and the
    merchant captures on shipment, the money is taken. `license_key` and `access_url` go to the agent for
    the buyer, and are shown nowhere else. Raises OrderNotFound, Invalid, TooMany, KeyReused, and
    StateConflict for a canceled order. Repeatable by the key. No transaction may be open.
    """
    access = _access(access_url, license_key, access_expires_at)
    earliest, latest = texts.span(earliest, latest)
    with transaction.atomic(durable=True):
        order = orders.locked(order_id)
        kind = _kind(order, type)
        pieces = quantities.judged(order, lines) if lines is not None else None
        before = order.shipments.filter(key=key).first()
        if before is not None:
            if before.type != kind or pieces not in (None, quantities.pieces_of(before.lines)):
                raise KeyReused
            return before
        if order.status == orders.CANCELED:
            raise StateConflict("The order is canceled.")
        if pieces is None:
            pieces = quantities.unpacked(order)
            if not pieces:
                raise TooMany
        if kind != SHIPPING and (carrier or tracking_number or tracking_url or destination):
            raise Invalid("Carrier, tracking and destination belong to shipping.", param="type")
        if kind != DIGITAL and access:
            raise Invalid("Access over the network belongs to digital delivery.", param="type")
        shipment = Shipment(
            order=order,
            key=texts.needed(key, "key", LONGEST_KEY),
            type=kind,
            lines=quantities.references(pieces),
            carrier=texts.text(carrier, "carrier", 100),
            tracking_number=texts.text(tracking_number, "tracking_number", 100),
            tracking_url=texts.link(tracking_url, "tracking_url"),
            destination=texts.address(destination) or (_destination(order) if kind == SHIPPING else None),
            earliest_at=earliest,
            latest_at=latest,
            access=access or None,
            description=texts.text(description, "description", 500),
        )
        shipment.save(force_insert=True)
        quantities.change(order, pieces, packed=1)
        _happened(order, shipment, key, event or BEGINS[kind], "", occurred_at, "", "", actor)
        orders.changed(order.pk, status=quantities.status(order))
    return shipment


def record(
    shipment_id: str,
    *,
    key: str,
    type: str,
    status: str = "",
    description: str = "",
    location: str = "",
    occurred_at: datetime | None = None,
    actor: str = orders.MERCHANT,
) -> ShipmentEvent:
    """This happened to the delivery, once per key, and the order's agent hears of it.

    Types nobody knows are kept as they are, and may bring a `status` of their own (ACP-228). Events may
    come late: the newest by `occurred_at` says how the delivery stands. One that came back stays so, and
    what is told of it afterwards is kept. Raises OrderNotFound, Invalid, KeyReused, and TooMany when
    pieces that would come back have been taken back already. Repeatable. No transaction may be open.
    """
    order_id = Shipment.objects.filter(pk=shipment_id).values_list("order", flat=True).first()
    if order_id is None:
        raise OrderNotFound("There is no such delivery.")
    with transaction.atomic(durable=True):
        order = orders.locked(order_id)
        shipment = Shipment.objects.get(pk=shipment_id)
        before = shipment.events.filter(key=key).first()
        if before is not None:
            if before.type != type:
                raise KeyReused
            return before
        event = _happened(order, shipment, key, type, status, occurred_at, description, location, actor)
        orders.changed(order.pk, status=quantities.status(order))
    return event


def deliver(
    shipment_id: str,
    *,
    key: str = "delivered",
    occurred_at: datetime | None = None,
    actor: str = orders.MERCHANT,
) -> ShipmentEvent:
    """The delivery has reached the buyer. As `record`."""
    return record(shipment_id, key=key, type="delivered", occurred_at=occurred_at, actor=actor)


def track(shipment_id: str, *, carrier: str = "", tracking_number: str = "", tracking_url: str = "") -> bool:
    """The delivery can be followed there, as it was not known when it was packed; its agent hears of it.
    False when nothing is new. Empty leaves as it is. Raises OrderNotFound and Invalid. Repeatable."""
    given = {
        "carrier": texts.text(carrier, "carrier", 100),
        "tracking_number": texts.text(tracking_number, "tracking_number", 100),
        "tracking_url": texts.link(tracking_url, "tracking_url"),
    }
    shipment = Shipment.objects.filter(pk=shipment_id).first()
    if shipment is None:
        raise OrderNotFound("There is no such delivery.")
    if shipment.type != SHIPPING:
        raise Invalid("Carrier and tracking belong to shipping.", param="type")
    with transaction.atomic(durable=True):
        order = orders.locked(shipment.order_id)
        shipment.refresh_from_db()
        new = {name: said for name, said in given.items() if said and said != getattr(shipment, name)}
        if not new:
            return False
        Shipment.objects.filter(pk=shipment.pk).update(**new)
        return orders.changed(order.pk)


def _happened(
    order: Order,
    shipment: Shipment,
    key: str,
    type: str,
    status: str,
    occurred_at: datetime | None,
    description: str,
    location: str,
    actor: str,
) -> ShipmentEvent:
    """The event is kept, and the delivery and its pieces stand as it says. The order is locked."""
    texts.code(type, "type")
    if ONLY.get(type, shipment.type) != shipment.type:
        raise Invalid(f"{type} is not said of {shipment.type}.", param="type")
    if status:
        if type in STATUS:
            raise Invalid("This type says the status itself.", param="status")
        if ONLY.get(texts.code(status, "status"), shipment.type) != shipment.type:
            raise Invalid(f"{status} is not said of {shipment.type}.", param="status")
    event = ShipmentEvent(
        shipment=shipment,
        key=texts.needed(key, "key", LONGEST_KEY),
        type=type,
        status=STATUS.get(type, status),
        occurred_at=texts.moment(occurred_at),
        description=texts.text(description, "description", 500),
        location=texts.text(location, "location", 200),
        actor=actor[:255],
    )
    event.save()
    if shipment.pieces != Shipment.Pieces.BACK:
        newest = shipment.events.exclude(status="").last()
        if newest is not None:
            _stands(order, shipment, newest.status)
    return event


def _stands(order: Order, shipment: Shipment, status: str) -> None:
    lines = quantities.pieces_of(shipment.lines)
    was_left = shipment.pieces == Shipment.Pieces.LEFT
    pieces = shipment.pieces
    if status in BACK:
        quantities.change(order, lines, packed=-1, fulfilled=-1 if was_left else 0)
        pieces = Shipment.Pieces.BACK
    elif status in LEFT and not was_left:
        quantities.change(order, lines, fulfilled=1)
        pieces = Shipment.Pieces.LEFT
        _take_money(order)
    Shipment.objects.filter(pk=shipment.pk).update(status=status, pieces=pieces)
    shipment.status, shipment.pieces = status, pieces


def _take_money(order: Order) -> None:
    """Goods leave: money that waited for that is taken (decision 36). A repeat is harmless."""
    if ports().rules.capture == "on_shipment":
        waits = Payment.objects.filter(pk=order.payment_id, state=PaymentState.AUTHORIZED)
        if waits.exists():
            ports().outbox.add("checkout.capture", {"payment": order.payment_id})


def _kind(order: Order, type: str) -> str:
    if type:
        if type not in BEGINS:
            raise Invalid("type is shipping, pickup or digital.", param="type")
        return type
    chosen = {entry["type"] for entry in order.quote["selected"]}
    if chosen == {PICKUP}:
        return PICKUP
    needs_no_parcel = not any(line["physical"] for line in order.quote["lines"])
    return DIGITAL if needs_no_parcel or chosen == {DIGITAL} else SHIPPING


def _destination(order: Order) -> dict[str, str] | None:
    """Where the buyer's parcel goes, when all goes to one place."""
    if order.session.fulfillment_groups:
        return None
    return (order.fulfillment_details or {}).get("address")


def _access(url: str, license_key: str, expires_at: datetime | None) -> dict[str, str]:
    told = {
        "access_url": texts.link(url, "access_url"),
        "license_key": texts.text(license_key, "license_key", 500),
        "expires_at": texts.moment(expires_at, "access_expires_at").isoformat() if expires_at else "",
    }
    return {name: said for name, said in told.items() if said}


def undelivered(order: Order) -> list[Shipment]:
    """The deliveries of the order that have not arrived, and may."""
    open_ones = order.shipments.exclude(pieces=Shipment.Pieces.BACK)
    return list(open_ones.exclude(status=quantities.DELIVERED))
