"""Events over the wire to a receiver that verifies for itself (acp.md H)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from checkout import orders
from checkout.models import CheckoutSession, Order
from checkout.progress import Quantity
from gateway import delivery as outbox_delivery
from gateway.models import Agent, OutboxMessage, WebhookDelivery, WebhookEndpoint
from gateway.webhooks import deliveries, endpoints, sending
from schemas import facade
from tests.agents import PlayedAgent
from tests.webhooks.conftest import Clock, buy, relayed, told_at
from tests.webhooks.receiver import Receiver, receiving


def changed(order_id: str, status: str) -> None:
    with transaction.atomic():
        assert orders.changed(order_id, status=status)


@pytest.mark.requirement("ACP-111", "ACP-112", "ACP-113", "ACP-114", "ACP-116", "ACP-119", "ACP-221")
def test_a_new_order_is_told(agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver) -> None:
    order = buy(agent)

    relayed()

    [heard] = receiver.heard
    assert heard.genuine
    assert heard.path == "/agentic_checkout/webhooks/order_events"
    assert heard.headers["content-type"] == ["application/json"]
    assert re.fullmatch(r"t=\d+,v1=[a-f0-9]{64}", heard.headers["merchant-signature"][0])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", heard.headers["timestamp"][0])
    assert heard.id == f"evt_{order['id'].removeprefix('ord_')}_1"
    assert heard.event["type"] == "order_create"
    assert set(heard.event) == {"type", "data"}
    assert heard.event["data"] == order
    assert {"line_items", "fulfillments", "adjustments", "totals", "status", "type"} <= set(order)
    row = WebhookDelivery.objects.get()
    assert (row.tries, row.status, row.error, row.delivered_at is not None) == (1, 200, "", True)


@pytest.mark.requirement("ACP-115", "ACP-222", "ACP-223", "ACP-227", "ACP-229")
def test_the_order_is_valid_and_as_charged(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    buy(agent)
    relayed()

    event = receiver.heard[0].event
    data = event["data"]
    assert facade.validator("WebhookEvent").violations(event) == []
    assert facade.validator("WebhookEvent").violations({**event, "more": 1})
    assert facade.validator("WebhookEvent").violations({"type": "x", "data": {**data, "refunds": []}})
    without = {name: value for name, value in data.items() if name != "status"}
    assert facade.validator("WebhookEvent").violations({"type": "x", "data": without})
    assert data["status"] == "confirmed"
    [line] = data["line_items"]
    assert line["quantity"] == {"ordered": 1, "current": 1, "fulfilled": 0}
    assert line["status"] == "processing"
    assert (data["fulfillments"], data["adjustments"]) == ([], [])
    [total] = [entry for entry in data["totals"] if entry["type"] == "total"]
    assert total["amount"] == Order.objects.get().amount


@pytest.mark.requirement("ACP-223")
@pytest.mark.parametrize(
    ("current", "fulfilled", "status"),
    [(0, 0, "removed"), (2, 2, "fulfilled"), (2, 1, "partial"), (2, 0, "processing")],
)
def test_how_far_a_line_is(current: int, fulfilled: int, status: str) -> None:
    assert Quantity(5, current, fulfilled).status == status


@pytest.mark.requirement("ACP-111", "ACP-113")
def test_a_later_change_is_told_whole(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    order = buy(agent)
    relayed()

    changed(order["id"], "shipped")
    relayed()

    create, update = receiver.heard
    assert (create.event["type"], update.event["type"]) == ("order_create", "order_update")
    assert update.event["data"] == {**order, "status": "shipped"}
    assert update.id == f"evt_{order['id'].removeprefix('ord_')}_2"


def test_a_change_that_is_none_tells_nobody(agent: PlayedAgent, endpoint: WebhookEndpoint) -> None:
    order = buy(agent)
    before = OutboxMessage.objects.count()

    with transaction.atomic():
        assert not orders.changed(order["id"], only={"status": "canceled"}, status="confirmed")

    assert OutboxMessage.objects.count() == before
    assert Order.objects.get().sequence == 1


@pytest.mark.requirement("ACP-121")
def test_the_event_is_part_of_the_change(agent: PlayedAgent, endpoint: WebhookEndpoint) -> None:
    """Numbers have no gap: one that was taken by a change that never was is taken again."""
    order = buy(agent)

    with transaction.atomic():
        orders.changed(order["id"], status="shipped")
        transaction.set_rollback(True)

    changed(order["id"], "completed")
    told = OutboxMessage.objects.filter(kind=orders.ORDER_EVENT).order_by("created_at")
    assert [message.payload["sequence"] for message in told] == [1, 2]


@pytest.mark.requirement("ACP-122")
def test_attribution_and_traces_stay_here(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    members = {"affiliate_attribution": {"provider": "canary-affiliates.example", "token": "canary-token"}}
    session = agent.ready(**members)
    stored = CheckoutSession.objects.get(pk=session["id"])
    stored.extras = {**stored.extras, "intent_trace": {"reason_code": "canary_reason"}}
    stored.save()
    assert agent.complete(session).status_code == 200

    relayed()

    assert len(receiver.heard) == 1
    assert b"canary" not in receiver.heard[0].body
    assert "canary" in json.dumps(CheckoutSession.objects.get(pk=session["id"]).extras)


def test_an_order_in_review_is_told(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its money was refused while goods were packed; when it can be taken after all, that is told too."""
    from checkout import settlement, shipments
    from checkout.ports import Declined, ports

    order = buy(agent)
    payment = Order.objects.get(pk=order["id"]).payment_id
    shipments.ship(order["id"], key="parcel", event="processing")
    real = type(ports().payments).capture
    monkeypatch.setattr(type(ports().payments), "capture", lambda *_: Declined("expired", ""))
    for _ in range(2):
        with pytest.raises(settlement.CaptureRefused):
            settlement.capture(payment)
    assert Order.objects.get().status == "manual_review"
    monkeypatch.setattr(type(ports().payments), "capture", real)
    settlement.capture(payment)

    relayed()

    numbers = [heard.id.rpartition("_")[2] for heard in receiver.heard]
    assert numbers == ["1", "2", "3", "4"]
    assert receiver.heard[-1].event["data"]["status"] == "processing"


def test_nobody_is_told_of_somebody_elses_order(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    buy(PlayedAgent("other-agent-key"))

    relayed()

    assert receiver.heard == []
    assert not WebhookDelivery.objects.exists()


# Answers -------------------------------------------------------------------------------------


@pytest.mark.requirement("ACP-120")
@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_taken(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, status: int
) -> None:
    receiver.says = lambda number: status
    buy(agent)

    relayed()

    assert WebhookDelivery.objects.get().delivered_at


@pytest.mark.requirement("ACP-120")
@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_is_dead_at_once(
    agent: PlayedAgent,
    endpoint: WebhookEndpoint,
    receiver: Receiver,
    status: int,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver.says = lambda number: status
    buy(agent)

    relayed()
    clock.passes(days=3)
    relayed()

    row = WebhookDelivery.objects.get()
    assert (row.status, row.error, row.tries) == (status, "refused", 1)
    assert row.dead_at
    assert len(receiver.heard) == 1
    assert f"refused with {status}" in caplog.text


@pytest.mark.requirement("ACP-120")
def test_a_receiver_without_the_secret_is_dead_at_once(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    receiver.secret = "another"
    buy(agent)

    relayed()

    assert [heard.status for heard in receiver.heard] == [401]
    assert WebhookDelivery.objects.get().dead_at


@pytest.mark.requirement("ACP-120", "T25", "ACP-118")
@pytest.mark.parametrize(
    ("status", "error"),
    [(301, "redirect"), (307, "redirect"), (429, "not_taken"), (418, "not_taken"), (500, "server_error")],
)
def test_whatever_else_is_tried_again_signed_anew(
    agent: PlayedAgent,
    endpoint: WebhookEndpoint,
    receiver: Receiver,
    status: int,
    error: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with receiving() as elsewhere:
        receiver.headers = {"Location": elsewhere.url}
        receiver.says = lambda number: 200 if number else status
        buy(agent)
        relayed()
        row = WebhookDelivery.objects.get()
        assert (row.status, row.error, row.tries, row.dead_at) == (status, error, 1, None)

        clock = Clock(monkeypatch)
        receiver.headers = {}
        monkeypatch.setattr(sending, "clock", lambda: time.time() - 60)
        clock.passes(seconds=7)
        relayed()

        assert elsewhere.heard == []
    first, second = receiver.heard
    assert first.id == second.id
    assert first.body == second.body
    assert first.headers["merchant-signature"] != second.headers["merchant-signature"]
    assert WebhookDelivery.objects.get().delivered_at


@pytest.mark.requirement("ACP-120")
def test_no_answer_in_time_is_tried_again(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, allow: Callable[..., None]
) -> None:
    allow(WEBHOOK_TIMEOUT_SECONDS=0.2)
    receiver.seconds = 0.6
    buy(agent)

    relayed()

    row = WebhookDelivery.objects.get()
    assert (row.status, row.error, row.tries, row.dead_at) == (None, "no_reply", 1, None)


def test_410_disables_the_endpoint(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """What comes afterwards is kept as dead, and nothing is sent."""
    receiver.says = lambda number: 410
    buy(agent)
    relayed()

    endpoint.refresh_from_db()
    assert not endpoint.active
    assert "410" in endpoint.disabled_because
    assert "is disabled" in caplog.text
    buy(agent)
    relayed()

    assert len(receiver.heard) == 1
    assert sorted(WebhookDelivery.objects.values_list("error", flat=True)) == ["disabled", "gone"]
    assert not WebhookDelivery.objects.filter(dead_at=None).exists()
    assert not deliveries.replay(WebhookDelivery.objects.first().pk)


# Order ---------------------------------------------------------------------------------------


@pytest.mark.requirement("ACP-121")
def test_nothing_overtakes_within_an_order(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, clock: Clock
) -> None:
    """Another order is not held up by it."""
    first = buy(agent)
    receiver.says = lambda number: 500 if number == 0 else 200
    relayed()
    changed(first["id"], "shipped")
    relayed()
    other = buy(agent)
    clock.passes(seconds=2)
    relayed()

    assert [heard.event["data"]["id"] for heard in receiver.taken] == [other["id"]]
    for _ in range(8):
        clock.passes(seconds=2)
        relayed()

    told = [heard.event["type"] for heard in receiver.taken if heard.event["data"]["id"] == first["id"]]
    assert told == ["order_create", "order_update"]


@pytest.mark.requirement("ACP-121")
def test_an_event_that_is_handed_out_first_waits_for_the_one_before(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, clock: Clock
) -> None:
    order = buy(agent)
    changed(order["id"], "shipped")
    one, _ = OutboxMessage.objects.filter(kind=orders.ORDER_EVENT).order_by("created_at")
    OutboxMessage.objects.filter(pk=one.pk).update(due_at=clock.now.replace(year=clock.now.year + 1))
    relayed()

    assert WebhookDelivery.objects.get().sequence == 2
    assert receiver.heard == []
    OutboxMessage.objects.filter(pk=one.pk).update(due_at=clock.now)
    relayed()
    clock.passes(seconds=2)
    relayed()

    assert [heard.event["type"] for heard in receiver.taken] == ["order_create", "order_update"]


@pytest.mark.requirement("ACP-121")
def test_a_dead_one_lets_the_next_go(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    order = buy(agent)
    receiver.says = lambda number: 400 if number == 0 else 200
    changed(order["id"], "shipped")

    relayed()

    assert [heard.event["type"] for heard in receiver.taken] == ["order_update"]


def test_an_endpoint_is_not_told_of_what_was_before_it(
    agent: PlayedAgent, row: Agent, receiver: Receiver, allow: Callable[..., None]
) -> None:
    order = buy(agent)
    allow(receiver)
    told_at(row, receiver)
    changed(order["id"], "shipped")

    relayed()

    assert [heard.event["type"] for heard in receiver.heard] == ["order_update"]


def test_two_endpoints_are_told_for_themselves(
    agent: PlayedAgent, row: Agent, endpoint: WebhookEndpoint, receiver: Receiver, allow: Callable[..., None]
) -> None:
    with receiving() as second:
        allow(receiver, second)
        told_at(row, second)
        receiver.says = lambda number: 400
        buy(agent)

        relayed()

        assert [heard.status for heard in receiver.heard] == [400]
        assert [heard.status for heard in second.heard] == [200]
        assert receiver.heard[0].id == second.heard[0].id


# Once more -----------------------------------------------------------------------------------


def test_a_relay_that_dies_between_post_and_mark(
    agent: PlayedAgent,
    endpoint: WebhookEndpoint,
    receiver: Receiver,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The event comes again under the same id, signed anew."""
    buy(agent)
    while OutboxMessage.objects.exclude(kind=deliveries.DELIVER).filter(done_at=None).exists():
        for message in OutboxMessage.objects.exclude(kind=deliveries.DELIVER).filter(done_at=None):
            outbox_delivery.deliver(message.pk)

    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "_record", killed)
        with pytest.raises(Killed):
            relayed()
    relayed()
    assert len(receiver.heard) == 1
    clock.passes(seconds=61)
    relayed()

    first, second = receiver.heard
    assert first.id == second.id
    assert second.genuine
    assert WebhookDelivery.objects.get().delivered_at


def test_a_worker_that_outlived_its_lease_records_nothing(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, clock: Clock
) -> None:
    buy(agent)
    receiver.says = lambda number: 500
    slow: list[WebhookDelivery] = []

    relayed()
    clock.passes(seconds=7)
    pk = WebhookDelivery.objects.get().pk
    slow.append(deliveries._claim(pk))
    clock.passes(seconds=61)
    receiver.says = lambda number: 200
    relayed()
    deliveries._record(slow[0], sending.Verdict(sending.Outcome.REFUSED, 400, "refused"))

    row = WebhookDelivery.objects.get()
    assert row.delivered_at
    assert row.dead_at is None


def test_a_second_message_for_one_delivery_sends_nothing_more(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    buy(agent)
    relayed()

    deliveries.attempt({"delivery": WebhookDelivery.objects.get().pk})
    deliveries.hand_out(OutboxMessage.objects.get(kind=orders.ORDER_EVENT).payload)
    relayed()

    assert len(receiver.heard) == 1


def test_a_delivery_that_nothing_speaks_for_is_found(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, clock: Clock
) -> None:
    receiver.says = lambda number: 500 if number == 0 else 200
    buy(agent)
    relayed()
    OutboxMessage.objects.all().delete()
    clock.passes(seconds=60)
    assert deliveries.sweep() == 0
    clock.passes(seconds=300)

    assert deliveries.sweep() == 1
    relayed()

    assert WebhookDelivery.objects.get().delivered_at


def test_old_deliveries_are_forgotten_and_dead_ones_are_not(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, clock: Clock
) -> None:
    """An event that comes after that does not wait for a row that is gone."""
    order = buy(agent)
    receiver.says = lambda number: 400 if number == 1 else 200
    relayed()
    buy(agent)
    relayed()
    clock.passes(days=29)
    assert deliveries.purge() == 0
    clock.passes(days=2)

    assert deliveries.purge() == 1
    changed(order["id"], "completed")
    relayed()

    assert WebhookDelivery.objects.filter(dead_at__isnull=False).count() == 1
    assert receiver.taken[-1].event["type"] == "order_update"


def test_an_event_that_cannot_be_written_is_not_lost(
    agent: PlayedAgent,
    endpoint: WebhookEndpoint,
    receiver: Receiver,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    buy(agent)
    with monkeypatch.context() as patch:
        patch.setattr("gateway.webhooks.rendering.event", lambda *_: 1 / 0)
        relayed()
    assert WebhookDelivery.objects.get().error == "not_sent"
    clock.passes(seconds=7)
    relayed()

    assert WebhookDelivery.objects.get().delivered_at


def test_rotation_overlaps(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, clock: Clock
) -> None:
    """R41: both secrets are good within the window, and the older one is not after it."""
    newer = endpoints.rotate(endpoint, overlap_hours=2)
    older, receiver.secret = receiver.secret, newer
    buy(agent)
    relayed()
    assert [heard.status for heard in receiver.heard] == [200]
    receiver.secret = older
    buy(agent)
    relayed()
    assert [heard.status for heard in receiver.heard] == [200, 401, 200]

    clock.passes(hours=2, seconds=1)
    assert endpoints.forget_older() == 1
    buy(agent)
    relayed()

    assert receiver.heard[-1].status == 401
    assert WebhookDelivery.objects.filter(dead_at__isnull=False).count() == 1
    endpoint.refresh_from_db()
    assert endpoint.sealed_older == ""
