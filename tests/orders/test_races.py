"""Two of the merchant's people at once: one of them wins, and pieces and money agree afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from checkout import cancellations, refunds, settlement, shipments
from checkout.errors import StateConflict
from checkout.models import Order, OrderLine, Payment, Refund, SandboxCharge, Shipment
from gateway.shop.models import Product
from tests.agents import PlayedAgent
from tests.crowd import at_once
from tests.orders.conftest import buy, lines, relayed, taken, told, wired

pytestmark = pytest.mark.services

CROWD = 20


def outcomes(acts: list[Callable[[], object]]) -> Counter[str]:
    def one(number: int) -> str:
        try:
            acts[number % len(acts)]()
        except StateConflict as refusal:
            return type(refusal).__name__
        return "done"

    return Counter(at_once(CROWD, one))


def test_a_piece_is_sent_or_canceled_and_not_both(agent: PlayedAgent) -> None:
    """Ten pieces, ten parcels of one and ten cancellations of one."""
    order = taken(buy(agent, {"id": "item_mug", "quantity": 10}))
    [mugs] = (line["id"] for line in order.quote["lines"])
    keys = iter(range(CROWD))

    came = outcomes(
        [
            lambda: shipments.ship(order.pk, key=f"p{next(keys)}", lines={mugs: 1}),
            lambda: cancellations.cancel_lines(order.pk, {mugs: 1}, key=f"c{next(keys)}"),
        ]
    )

    row = OrderLine.objects.get()
    canceled = row.ordered - row.current
    assert came["done"] == 10
    assert row.fulfilled == Shipment.objects.count() == row.current
    assert Refund.objects.count() == canceled
    assert canceled + row.fulfilled == 10
    assert told(order) == list(range(1, 12))


def test_an_order_is_canceled_once_however_many_try(agent: PlayedAgent) -> None:
    order = taken(buy(agent, {"id": "item_mug", "quantity": 2}))
    before = Product.objects.get(pk="item_mug").available or 0
    keys = iter(range(CROWD))

    came = outcomes([lambda: cancellations.cancel(order.pk, key=f"c{next(keys)}")])
    relayed()

    assert came["done"] == 1
    assert sum(SandboxCharge.objects.get().refunds.values()) == order.amount
    assert Product.objects.get(pk="item_mug").available == before + 2
    assert wired(order)["status"] == "canceled"


@pytest.mark.parametrize("turn", range(5))
def test_capture_and_cancel_leave_no_money_behind(agent: PlayedAgent, turn: int) -> None:
    """T64: whichever is first, a canceled order keeps nothing."""
    order = buy(agent)

    outcomes(
        [
            lambda: settlement.capture(order.payment_id),
            lambda: cancellations.cancel(order.pk, key="c1"),
            lambda: cancellations.release(order.pk),
        ]
    )
    relayed()

    charge = SandboxCharge.objects.get()
    payment = Payment.objects.get()
    assert wired(order)["status"] == "canceled"
    assert charge.captured - sum(charge.refunds.values()) == 0
    assert payment.state in ("voided", "captured")
    assert payment.refunded == (order.amount if payment.state == "captured" else 0)


def test_refund_and_cancel_give_back_what_was_taken(order: Order) -> None:
    keys = iter(range(CROWD))

    outcomes(
        [
            lambda: refunds.request(order.pk, key=f"r{next(keys)}", amount=order.amount // 3),
            lambda: cancellations.cancel(order.pk, key="c1"),
        ]
    )
    relayed()

    assert sum(SandboxCharge.objects.get().refunds.values()) == order.amount
    assert Payment.objects.get().refunded == order.amount
    assert lines(order)
