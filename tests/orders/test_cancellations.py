"""What is not to be: canceled before it leaves, taken back after; and money that cannot be taken."""

from __future__ import annotations

from typing import Any

import pytest

from checkout import adjustments, cancellations, effects, orders, refunds, settlement, shipments
from checkout.errors import Invalid, KeyReused, OrderNotFound, ProviderUnavailable, StateConflict, TooMany
from checkout.models import Adjustment, Order, Payment, Refund, SandboxCharge
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Authorized, Declined
from gateway.models import OutboxMessage
from gateway.shop.models import Product
from tests.agents import PlayedAgent
from tests.orders.conftest import buy, lines, relayed, sum_of, told, wired


def stock(item: str = "item_mug") -> int | None:
    return Product.objects.values_list("available", flat=True).get(pk=item)


def changes(order: Order) -> list[tuple[str, str, int | None]]:
    return [(row["type"], row["status"], row.get("amount")) for row in wired(order)["adjustments"]]


@pytest.mark.requirement("ACP-226", "ACP-230")
def test_a_paid_order_is_canceled_and_all_its_money_goes_back(order: Order) -> None:
    before = stock()

    cancellations.cancel(order.pk, key="c1", reason="buyer_changed_mind", description="As you asked")
    cancellations.cancel(order.pk, key="c1")
    relayed()

    body = wired(order)
    assert body["status"] == "canceled"
    assert {entry["status"] for entry in body["line_items"]} == {"removed"}
    assert changes(order) == [("cancellation", "completed", None), ("refund", "completed", order.amount)]
    assert body["adjustments"][0]["reason"] == "buyer_changed_mind"
    assert sum_of(body, "total") == sum_of(body, "amount_refunded") == order.amount
    assert stock() == (before or 0) + 2
    assert told(order) == [1, 2, 3]


def test_an_order_that_is_not_paid_yet_is_canceled_and_never_paid(agent: PlayedAgent) -> None:
    order = buy(agent)
    capture = OutboxMessage.objects.get(kind="checkout.capture").payload

    cancellations.cancel(order.pk, key="c1")
    effects.capture(capture)
    relayed()

    assert Payment.objects.get().state == "voided"
    charge = SandboxCharge.objects.get()
    assert (charge.outcome, charge.captured) == ("voided", 0)
    assert not Refund.objects.exists()
    assert changes(order) == [("cancellation", "completed", None)]
    assert told(order) == [1, 2]


def test_a_capture_under_way_while_the_order_is_canceled_is_given_back(
    agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider has taken the money when the order is canceled, and we have not heard of it yet."""
    order = buy(agent)
    real = SandboxProvider.capture

    def capture(self: SandboxProvider, *args: Any) -> Any:
        taken = real(self, *args)
        cancellations.cancel(order.pk, key="c1")
        cancellations.release(order.pk)
        return taken

    monkeypatch.setattr(SandboxProvider, "capture", capture)
    settlement.capture(order.payment_id)
    relayed()

    assert Payment.objects.get().state == "captured"
    assert sum(SandboxCharge.objects.get().refunds.values()) == order.amount
    assert sum_of(wired(order), "amount_refunded") == order.amount


def test_what_is_packed_or_sent_is_not_canceled(order: Order) -> None:
    mugs, _ = lines(order)
    parcel = shipments.ship(order.pk, key="p1", lines={mugs: 1}, event="processing")

    with pytest.raises(StateConflict):
        cancellations.cancel(order.pk, key="c1")
    with pytest.raises(TooMany):
        cancellations.cancel_lines(order.pk, {mugs: 2}, key="c1")
    shipments.record(parcel.pk, key="no", type="canceled")
    cancellations.cancel(order.pk, key="c1")

    with pytest.raises(StateConflict):
        cancellations.cancel(order.pk, key="c2")
    assert wired(order)["status"] == "canceled"


def test_lines_are_canceled_and_the_parts_add_up(order: Order) -> None:
    """Whoever cancels piece by piece has back exactly what was charged, delivery with the last."""
    mugs, notebook = lines(order)
    mug_line, _ = order.quote["lines"]

    cancellations.cancel_lines(order.pk, {mugs: 1}, key="c1")
    first = Refund.objects.get(key="cancel:c1")
    cancellations.cancel_lines(order.pk, {mugs: 1}, key="c2")
    second = Refund.objects.get(key="cancel:c2")

    assert first.amount == mug_line["total"] // 2
    assert first.amount + second.amount == mug_line["total"]
    body = wired(order)
    assert body["status"] == "confirmed"
    assert [entry["quantity"]["current"] for entry in body["line_items"]] == [0, 1]

    cancellations.cancel_lines(order.pk, {notebook: 1}, key="c3")
    relayed()

    assert wired(order)["status"] == "canceled"
    assert Payment.objects.get().refunded == order.amount
    assert told(order)[:4] == [1, 2, 3, 4]


def test_a_line_is_canceled_for_nothing_or_for_another_amount(order: Order) -> None:
    mugs, _ = lines(order)

    cancellations.cancel_lines(order.pk, {mugs: 1}, key="c1", amount=0)
    cancellations.cancel_lines(order.pk, {mugs: 1}, key="c2", amount=7)

    assert list(Refund.objects.values_list("amount", flat=True)) == [7]


def test_a_line_of_an_unpaid_order_goes_back_once_the_money_was_taken(agent: PlayedAgent) -> None:
    """A provider takes all of an authorization: the share goes back right after."""
    order = buy(agent, {"id": "item_mug", "quantity": 2}, "item_notebook")
    mugs, _ = lines(order)
    OutboxMessage.objects.filter(kind="checkout.capture").delete()

    cancellations.cancel_lines(order.pk, {mugs: 1}, key="c1")
    relayed()
    refunds.sweep()

    assert changes(order)[1][:2] == ("refund", "pending")
    assert SandboxCharge.objects.get().refunds == {}

    settlement.capture(order.payment_id)
    relayed()

    assert changes(order)[1][:2] == ("refund", "completed")
    assert sum(SandboxCharge.objects.get().refunds.values()) == Refund.objects.get().amount


def test_a_refund_that_waits_for_money_that_never_comes_has_failed(agent: PlayedAgent) -> None:
    order = buy(agent, {"id": "item_mug", "quantity": 2}, "item_notebook")
    mugs, _ = lines(order)
    OutboxMessage.objects.filter(kind="checkout.capture").delete()
    cancellations.cancel_lines(order.pk, {mugs: 1}, key="c1")

    cancellations.cancel(order.pk, key="c2")
    relayed()

    payment = Payment.objects.get()
    assert (payment.state, payment.refunded) == ("voided", 0)
    assert ("refund", "failed") in [entry[:2] for entry in changes(order)]
    assert Refund.objects.get().failure == "not_captured"


def test_what_comes_back_is_returned_and_refunded(order: Order) -> None:
    mugs, notebook = lines(order)
    parcel = shipments.ship(order.pk, key="p1")
    shipments.deliver(parcel.pk)
    before = stock()

    cancellations.take_back(order.pk, {mugs: 1}, key="r1", reason="defective", description="Handle broke")
    cancellations.take_back(order.pk, {mugs: 1}, key="r1")
    relayed()

    body = wired(order)
    assert body["line_items"][0]["quantity"] == {"ordered": 2, "current": 1, "fulfilled": 1}
    assert body["line_items"][0]["status"] == "fulfilled"
    assert body["status"] == "completed"
    half = order.quote["lines"][0]["total"] // 2
    assert changes(order) == [("return", "completed", None), ("refund", "completed", half)]
    assert stock() == before
    with pytest.raises(TooMany):
        cancellations.take_back(order.pk, {mugs: 2}, key="r2")
    with pytest.raises(KeyReused):
        cancellations.take_back(order.pk, {notebook: 1}, key="r1")

    cancellations.take_back(order.pk, {mugs: 1, notebook: 1}, key="r3")
    assert wired(order)["status"] == "canceled"
    assert Payment.objects.get().refunded < order.amount  # it was delivered, and delivery is paid


def test_what_was_not_sent_is_not_taken_back(order: Order) -> None:
    mugs, _ = lines(order)
    with pytest.raises(TooMany):
        cancellations.take_back(order.pk, {mugs: 1}, key="r1")
    with pytest.raises(OrderNotFound):
        cancellations.cancel("ord_0", key="c1")


@pytest.mark.parametrize("given", [0, 7])
def test_all_of_an_unpaid_order_is_canceled_as_a_whole_or_not_at_all(agent: PlayedAgent, given: int) -> None:
    """I4: piece by piece for another amount, its money would be held for nothing and for ever."""
    order = buy(agent, {"id": "item_mug", "quantity": 2}, "item_notebook")
    mugs, notebook = lines(order)
    cancellations.cancel_lines(order.pk, {mugs: 1}, key="c1", amount=0)

    with pytest.raises(StateConflict):
        cancellations.cancel_lines(order.pk, {mugs: 1, notebook: 1}, key="c2", amount=given)

    order.refresh_from_db()
    assert order.status == "confirmed"
    relayed()
    assert Payment.objects.get().state == "captured"
    cancellations.cancel_lines(order.pk, {mugs: 1, notebook: 1}, key="c2", amount=given)
    assert wired(order)["status"] == "canceled"


def test_goods_that_are_all_back_before_their_money_was_taken(agent: PlayedAgent) -> None:
    """The capture is still tried: it must not find a canceled order and leave the money where it is."""
    order = buy(agent)
    [line] = [line["id"] for line in order.quote["lines"]]
    shipments.ship(order.pk, key="p1")

    with pytest.raises(StateConflict):
        cancellations.take_back(order.pk, {line: 1}, key="r1")
    relayed()
    cancellations.take_back(order.pk, {line: 1}, key="r1")
    relayed()

    charge, worth = SandboxCharge.objects.get(), Refund.objects.get().amount
    assert (charge.captured, sum(charge.refunds.values())) == (order.amount, worth)


def test_the_key_of_a_part_cancels_no_whole(order: Order) -> None:
    mugs, _ = lines(order)
    cancellations.cancel_lines(order.pk, {mugs: 1}, key="c1")

    with pytest.raises(KeyReused):
        cancellations.cancel(order.pk, key="c1")


def test_a_canceled_order_stays_canceled_whatever_the_merchant_calls_it(agent: PlayedAgent) -> None:
    """Its money is let go a moment later, and its capture is still on its way: both go by the status."""
    order = buy(agent)
    cancellations.cancel(order.pk, key="c1")

    with pytest.raises(StateConflict):
        orders.marked(order.pk, "archived")
    relayed()

    charge = SandboxCharge.objects.get()
    assert (charge.outcome, charge.captured) == ("voided", 0)


def test_no_order_is_canceled_by_a_word(agent: PlayedAgent) -> None:
    """Its money would stay where it is."""
    order = buy(agent)

    with pytest.raises(Invalid):
        orders.marked(order.pk, "canceled")
    relayed()

    assert Payment.objects.get().state == "captured"
    assert wired(order)["status"] == "confirmed"


def test_an_authorization_that_was_not_let_go_is_not_called_void(
    agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider may refuse in silence, as while a capture is under way: it is asked again."""
    order = buy(agent)
    cancellations.cancel(order.pk, key="c1")
    with monkeypatch.context() as refusing:
        refusing.setattr(SandboxProvider, "void", lambda *_: None)
        with pytest.raises(ProviderUnavailable):
            cancellations.release(order.pk)
    assert Payment.objects.get().state == "authorized"

    relayed()

    assert Payment.objects.get().state == "voided"
    assert SandboxCharge.objects.get().outcome == "voided"


class TestUnpayable:
    """Decision 36: a capture that finally fails cancels the order and tells the agent and an operator."""

    @pytest.fixture
    def refusing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(SandboxProvider, "capture", lambda *_: Declined("expired_authorization"))

    def test_the_order_is_canceled_and_everybody_knows(self, agent: PlayedAgent, refusing: None) -> None:
        before = stock()
        order = buy(agent)

        relayed()

        order.refresh_from_db()
        assert (order.status, order.attention) == ("canceled", "capture_refused")
        body = wired(order)
        assert [(row["type"], row["status"], row["reason"]) for row in body["adjustments"]] == [
            ("cancellation", "completed", "payment_declined")
        ]
        assert told(order) == [1, 2]
        assert stock() == before
        assert Payment.objects.get().state == "voided"
        assert not OutboxMessage.objects.filter(done_at=None).exists()

    def test_no_answer_is_no_refusal(self, agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
        def silent(*_: Any) -> None:
            raise ProviderUnavailable

        order = buy(agent)
        monkeypatch.setattr(SandboxProvider, "capture", silent)

        relayed()

        order.refresh_from_db()
        assert (order.status, order.attention) == ("confirmed", "")
        waiting = OutboxMessage.objects.get(kind="checkout.capture")
        assert (waiting.done_at, waiting.dead_at) == (None, None)

    def test_a_refusal_of_money_that_was_taken_is_none(
        self, agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its answer was lost, and the repeat is refused: the provider is asked what it has."""
        order = buy(agent)
        monkeypatch.setattr(SandboxProvider, "capture", lambda *_: Declined("already_captured"))
        monkeypatch.setattr(SandboxProvider, "retrieve", lambda *_: Authorized("sbx", captured=True))

        settlement.capture(order.payment_id)

        order.refresh_from_db()
        assert order.status == "confirmed"
        assert Payment.objects.get().state == "captured"

    def test_goods_on_their_way_are_a_persons_decision(self, agent: PlayedAgent, refusing: None) -> None:
        order = buy(agent)
        shipments.ship(order.pk, key="p1")

        with pytest.raises(settlement.CaptureRefused):
            effects.capture({"payment": order.payment_id})

        order.refresh_from_db()
        assert (order.status, order.attention) == ("manual_review", "capture_refused")
        assert Payment.objects.get().state == "authorized"
        assert not Adjustment.objects.exists()
        shipments.deliver(order.shipments.get().pk)
        assert wired(order)["status"] == "manual_review"


@pytest.mark.requirement("ACP-195", "ACP-226", "ACP-228")
def test_a_dispute_is_told_and_ends(order: Order) -> None:
    adjustments.dispute(order.payment_id, key="dp_1", amount=order.amount, reason="fraudulent")
    adjustments.dispute(order.payment_id, key="dp_1", amount=order.amount, reason="fraudulent")

    order.refresh_from_db()
    assert order.attention == "disputed"
    assert changes(order) == [("dispute", "pending", order.amount)]
    assert adjustments.dispute_ended(order.payment_id, key="dp_1", lost=True)
    assert not adjustments.dispute_ended(order.payment_id, key="dp_1", lost=False)
    assert changes(order) == [("dispute", "completed", order.amount)]
    assert sum_of(wired(order), "amount_refunded") is None  # of refunds alone (ACP-227)
    assert told(order) == [1, 2, 3]
    assert orders.dealt_with(order.pk)
    assert not orders.dealt_with(order.pk)
    with pytest.raises(OrderNotFound):
        adjustments.dispute("pay_0", key="dp_1")


@pytest.mark.requirement("ACP-228")
def test_changes_the_merchant_made_elsewhere_are_told(order: Order) -> None:
    mugs, _ = lines(order)
    adjustments.add(order.pk, type="credit", key="a1", amount=300, description="For the delay")
    adjustments.add(order.pk, type="goodwill", key="a2", status="in_the_mail", lines={mugs: 1})

    assert changes(order) == [("credit", "completed", 300), ("goodwill", "in_the_mail", None)]
    assert adjustments.conclude(order.pk, type="goodwill", key="a2", status="completed") is False
    with pytest.raises(KeyReused):
        adjustments.add(order.pk, type="credit", key="a1", amount=301)
    for kind in ("refund", "return", "cancellation"):
        with pytest.raises(Invalid):
            adjustments.add(order.pk, type=kind, key="a3", amount=1)
    row = Adjustment.objects.first()
    assert row is not None
    with pytest.raises(TypeError):
        row.save()


@pytest.mark.parametrize("length", [121, 122, 128])
def test_the_longest_keys_are_as_good_as_any(order: Order, length: int) -> None:
    """Of the 128 characters that a key may have, the refund's own key takes none."""
    mugs, notebook = lines(order)
    shipments.ship(order.pk, key="p1", lines={notebook: 1})
    key = "k" * length

    for _ in range(2):
        cancellations.cancel_lines(order.pk, {mugs: 1}, key=key)
        cancellations.take_back(order.pk, {notebook: 1}, key=key)
        cancellations.cancel(order.pk, key="w" * length)
    relayed()

    assert Refund.objects.filter(state="completed").count() == 3
    assert Payment.objects.get().refunded == sum(Refund.objects.values_list("amount", flat=True))
    other = "k" * (length - 1) + "x"
    with pytest.raises((TooMany, StateConflict)):
        cancellations.cancel_lines(order.pk, {mugs: 1}, key=other)
