"""Goods on their way: pieces, statuses, events (ACP-223 to ACP-225, ACP-228 to ACP-230)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from checkout import orders, shipments
from checkout.errors import Invalid, KeyReused, OrderNotFound, StateConflict, TooMany
from checkout.models import Order, OrderLine, Payment, Shipment, ShipmentEvent
from gateway.models import OutboxMessage
from tests.agents import ADDRESS, PlayedAgent
from tests.orders.conftest import buy, lines, relayed, told, wired


def pieces(body: dict[str, Any]) -> list[tuple[int, int, int, str]]:
    return [
        (
            entry["quantity"]["ordered"],
            entry["quantity"]["current"],
            entry["quantity"]["fulfilled"],
            entry["status"],
        )
        for entry in body["line_items"]
    ]


@pytest.mark.requirement("ACP-223", "ACP-224", "ACP-225", "ACP-230", "ACP-114")
def test_an_order_is_sent_in_parts_and_arrives(order: Order) -> None:
    mugs, _ = lines(order)
    at = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)

    first = shipments.ship(
        order.pk,
        key="p1",
        lines={mugs: 1},
        carrier="DHL",
        tracking_number="00340",
        tracking_url="https://tracking.example/00340?lang=en",
        earliest=at + timedelta(days=1),
        latest=at + timedelta(days=2),
        occurred_at=at,
    )

    body = wired(order)
    assert body["status"] == "shipped"
    assert pieces(body) == [(2, 2, 1, "partial"), (1, 1, 0, "processing")]
    [parcel] = body["fulfillments"]
    [event] = parcel.pop("events")
    assert parcel == {
        "id": first.pk,
        "type": "shipping",
        "status": "shipped",
        "line_items": [{"id": mugs, "quantity": 1}],
        "carrier": "DHL",
        "tracking_number": "00340",
        "tracking_url": "https://tracking.example/00340?lang=en",
        "destination": ADDRESS,
        "estimated_delivery": {"earliest": "2026-05-02T09:30:00Z", "latest": "2026-05-03T09:30:00Z"},
    }
    assert (event["type"], event["occurred_at"]) == ("shipped", "2026-05-01T09:30:00Z")

    second = shipments.ship(order.pk, key="p2")
    assert pieces(wired(order)) == [(2, 2, 2, "fulfilled"), (1, 1, 1, "fulfilled")]
    shipments.deliver(first.pk)
    assert wired(order)["status"] == "shipped"
    shipments.deliver(second.pk)

    body = wired(order)
    assert body["status"] == "completed"
    assert [entry["status"] for entry in body["fulfillments"]] == ["delivered", "delivered"]
    assert told(order) == [1, 2, 3, 4, 5]


@pytest.mark.requirement("ACP-230")
def test_what_is_packed_is_processing_and_cannot_be_packed_twice(order: Order) -> None:
    mugs, _ = lines(order)
    packed = shipments.ship(order.pk, key="p1", lines={mugs: 2}, event="processing")

    body = wired(order)
    assert (body["status"], body["fulfillments"][0]["status"]) == ("processing", "processing")
    assert pieces(body)[0] == (2, 2, 0, "processing")
    with pytest.raises(TooMany):
        shipments.ship(order.pk, key="p2", lines={mugs: 1})

    shipments.record(packed.pk, key="gone", type="shipped")

    assert pieces(wired(order))[0] == (2, 2, 2, "fulfilled")


def test_a_delivery_that_came_back_can_be_sent_again(order: Order) -> None:
    mugs, _ = lines(order)
    for number, end in enumerate(("returned_to_sender", "undeliverable", "canceled")):
        parcel = shipments.ship(order.pk, key=f"p{number}", lines={mugs: 2})
        shipments.record(parcel.pk, key="end", type=end)
        late = shipments.record(parcel.pk, key="late", type="delivered")

        parcel.refresh_from_db()
        assert parcel.status == {"canceled": "canceled"}.get(end, "failed")
        assert late.type == "delivered"
        assert pieces(wired(order))[0] == (2, 2, 0, "processing")
        assert wired(order)["status"] == "confirmed"


@pytest.mark.requirement("ACP-225")
def test_events_are_only_added_and_come_late(order: Order) -> None:
    at = timezone.now()
    parcel = shipments.ship(order.pk, key="p1", occurred_at=at)
    shipments.record(parcel.pk, key="e3", type="delivered", occurred_at=at + timedelta(hours=3))
    shipments.record(
        parcel.pk, key="e2", type="in_transit", occurred_at=at + timedelta(hours=1), location="Memphis, TN"
    )
    shipments.record(parcel.pk, key="e4", type="failed_attempt", occurred_at=at + timedelta(hours=4))

    [told_of] = wired(order)["fulfillments"]

    assert [event["type"] for event in told_of["events"]] == [
        "shipped",
        "in_transit",
        "delivered",
        "failed_attempt",
    ]
    assert told_of["events"][1]["location"] == "Memphis, TN"
    assert told_of["status"] == "delivered"
    event = ShipmentEvent.objects.first()
    assert event is not None
    with pytest.raises(TypeError):
        event.save()


def test_the_same_key_is_the_same_delivery_and_event(order: Order) -> None:
    mugs, notebook = lines(order)
    first = shipments.ship(order.pk, key="p1", lines={mugs: 1})

    assert shipments.ship(order.pk, key="p1", lines={mugs: 1}).pk == first.pk
    assert shipments.ship(order.pk, key="p1").pk == first.pk
    with pytest.raises(KeyReused):
        shipments.ship(order.pk, key="p1", lines={notebook: 1})
    event = shipments.record(first.pk, key="e1", type="in_transit")
    assert shipments.record(first.pk, key="e1", type="in_transit").pk == event.pk
    with pytest.raises(KeyReused):
        shipments.record(first.pk, key="e1", type="delivered")
    assert told(order) == [1, 2, 3]


@pytest.mark.requirement("ACP-224")
@pytest.mark.parametrize(
    ("kind", "event"),
    [
        ("pickup", "shipped"),
        ("pickup", "in_transit"),
        ("digital", "out_for_delivery"),
        ("digital", "ready_for_pickup"),
        ("shipping", "ready_for_pickup"),
    ],
)
def test_each_kind_has_its_own_statuses(order: Order, kind: str, event: str) -> None:
    with pytest.raises(Invalid) as refusal:
        shipments.ship(order.pk, key="p1", type=kind, event=event)
    assert refusal.value.param == "type"

    made = shipments.ship(order.pk, key="p1", type=kind)
    with pytest.raises(Invalid):
        shipments.record(made.pk, key="e1", type=event)
    with pytest.raises(Invalid):
        shipments.record(made.pk, key="e1", type="news", status=event)
    assert told(order) == [1, 2]


@pytest.mark.requirement("ACP-228")
def test_words_nobody_knows_are_kept_and_shown(order: Order) -> None:
    parcel = shipments.ship(order.pk, key="p1", event="processing")
    shipments.record(parcel.pk, key="e1", type="x-ray", status="held_at_customs")
    orders.marked(order.pk, "waiting_for_customs")

    body = wired(order)
    assert body["status"] == "waiting_for_customs"
    assert body["fulfillments"][0]["status"] == "held_at_customs"
    assert body["fulfillments"][0]["events"][-1]["type"] == "x-ray"

    shipments.record(parcel.pk, key="e2", type="shipped")
    assert wired(order)["status"] == "shipped"


def test_a_pick_up_waits_and_is_handed_over(order: Order) -> None:
    ready = shipments.ship(order.pk, key="p1", type="pickup")
    body = wired(order)
    assert (body["status"], body["fulfillments"][0]["status"]) == ("processing", "ready_for_pickup")
    assert "destination" not in body["fulfillments"][0]

    shipments.deliver(ready.pk)

    assert wired(order)["status"] == "completed"


def test_a_download_is_delivered_at_once(order: Order) -> None:
    shipments.ship(
        order.pk,
        key="p1",
        type="digital",
        access_url="https://files.example/1",
        license_key="AAAA-BBBB",
        access_expires_at=datetime(2027, 1, 1, tzinfo=UTC),
    )

    body = wired(order)
    assert body["status"] == "completed"
    assert body["fulfillments"][0]["digital_delivery"] == {
        "access_url": "https://files.example/1",
        "license_key": "AAAA-BBBB",
        "expires_at": "2027-01-01T00:00:00Z",
    }


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"lines": {}}, "lines"),
        ({"lines": {"nothing": 1}}, "lines"),
        ({"lines": {"mugs": 0}}, "lines"),
        ({"lines": {"mugs": True}}, "lines"),
        ({"tracking_url": "http://tracking.example/"}, "tracking_url"),
        ({"tracking_url": "javascript:alert(1)"}, "tracking_url"),
        ({"tracking_url": "https://user@tracking.example/"}, "tracking_url"),
        ({"carrier": "x" * 101}, "carrier"),
        ({"carrier": "a\u202eb"}, "carrier"),
        ({"occurred_at": datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)}, "occurred_at"),
        ({"earliest": timezone.now()}, "earliest"),
        ({"type": "balloon"}, "type"),
        ({"event": "two words"}, "type"),
        ({"key": ""}, "key"),
        ({"destination": {"name": "Ada"}}, "destination"),
        ({"type": "digital", "carrier": "DHL"}, "type"),
        ({"access_url": "https://files.example/1"}, "type"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    order: Order, given: dict[str, Any], param: str
) -> None:
    mugs, _ = lines(order)
    if "mugs" in given.get("lines", {}):
        given = {"lines": {mugs: given["lines"]["mugs"]}}

    with pytest.raises(Invalid) as refusal:
        shipments.ship(order.pk, **{"key": "p1", **given})

    assert refusal.value.param == param
    assert not Shipment.objects.exists()
    assert told(order) == [1]


def test_tracking_may_come_later(order: Order) -> None:
    parcel = shipments.ship(order.pk, key="p1", event="processing")

    assert shipments.track(
        parcel.pk, carrier="UPS", tracking_number="1Z", tracking_url="https://ups.example/1Z"
    )
    assert not shipments.track(parcel.pk, carrier="UPS")

    told_of = wired(order)["fulfillments"][0]
    assert (told_of["carrier"], told_of["tracking_url"]) == ("UPS", "https://ups.example/1Z")
    assert told(order) == [1, 2, 3]


def test_more_than_was_bought_is_not_sent(order: Order) -> None:
    mugs, _ = lines(order)
    with pytest.raises(TooMany):
        shipments.ship(order.pk, key="p1", lines={mugs: 3})
    assert not OrderLine.objects.exists()
    with pytest.raises(OrderNotFound):
        shipments.ship("ord_0", key="p1")
    with pytest.raises(OrderNotFound):
        shipments.deliver("ful_0")


@pytest.mark.requirement("ACP-223")
@pytest.mark.parametrize(
    "wrong",
    [
        {"current": 3},
        {"fulfilled": 2, "packed": 1},
        {"packed": 2, "current": 1},
        {"ordered": 0, "current": 0},
    ],
)
def test_the_database_keeps_quantities_possible(order: Order, wrong: dict[str, int]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        OrderLine.objects.create(order=order, line="x", **{"ordered": 2, "current": 2, **wrong})


def test_the_first_goods_that_leave_take_the_money(agent: PlayedAgent, settings: Any) -> None:
    """Decision 36, CAPTURE on_shipment: not when they are packed, and once."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "CAPTURE": "on_shipment"}
    order = buy(agent, {"id": "item_mug", "quantity": 2})
    [mugs] = (line["id"] for line in order.quote["lines"])

    packed = shipments.ship(order.pk, key="p1", lines={mugs: 1}, event="processing")
    relayed()
    assert Payment.objects.get().state == "authorized"

    shipments.record(packed.pk, key="go", type="shipped")
    relayed()
    assert Payment.objects.get().state == "captured"

    shipments.ship(order.pk, key="p2")
    assert OutboxMessage.objects.filter(kind="checkout.capture").count() == 1


def test_a_canceled_order_is_not_sent(order: Order) -> None:
    from checkout import cancellations

    cancellations.cancel(order.pk, key="c1")

    with pytest.raises(StateConflict):
        shipments.ship(order.pk, key="p1")
