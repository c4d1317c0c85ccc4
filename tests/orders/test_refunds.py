"""Money that goes back: claimed once, asked under one key, never more than was taken (decision 37)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from checkout import cancellations, effects, orders, refunds
from checkout.errors import (
    Invalid,
    KeyReused,
    MoreThanCaptured,
    NotCaptured,
    OrderNotFound,
    ProviderUnavailable,
)
from checkout.models import Order, Payment, Refund, SandboxCharge, StateMove
from checkout.ports import Refunded, RefundEntry, ports
from gateway.models import OutboxMessage
from gateway.shop.models import Product
from tests.agents import PlayedAgent
from tests.orders.conftest import Provider, buy, lines, relayed, sum_of, told, wired
from tests.parts import plugged


@pytest.mark.requirement("ACP-115", "ACP-195", "ACP-226", "ACP-227")
def test_a_refund_is_pending_then_completed_and_the_total_stays(order: Order) -> None:
    mugs, _ = lines(order)

    refund = refunds.request(order.pk, key="r1", amount=500, lines={mugs: 1}, description="Chipped")

    pending = wired(order)
    assert refund.state == "requested"
    [adjustment] = pending["adjustments"]
    assert adjustment | {"id": "", "occurred_at": ""} == {
        "id": "",
        "type": "refund",
        "occurred_at": "",
        "status": "pending",
        "amount": 500,
        "currency": "usd",
        "line_items": [{"id": mugs, "quantity": 1}],
        "description": "Chipped",
    }
    assert sum_of(pending, "amount_refunded") is None

    relayed()

    done = wired(order)
    assert done["adjustments"][0]["status"] == "completed"
    assert sum_of(done, "total") == order.amount
    assert sum_of(done, "amount_refunded") == 500
    assert SandboxCharge.objects.get().refunds == {refund.pk: 500}
    assert told(order) == [1, 2, 3]
    states = StateMove.objects.filter(subject=refund.pk).values_list("from_state", "to_state")
    assert list(states) == [("", "requested"), ("requested", "completed")]


def test_the_same_key_is_the_same_refund(order: Order) -> None:
    first = refunds.request(order.pk, key="r1", amount=500)
    again = refunds.request(order.pk, key="r1", amount=500)

    assert again.pk == first.pk
    with pytest.raises(KeyReused):
        refunds.request(order.pk, key="r1", amount=501)
    assert Refund.objects.count() == 1
    assert told(order) == [1, 2]


@pytest.mark.requirement("T64")
def test_no_more_goes_back_than_was_taken(order: Order) -> None:
    refunds.request(order.pk, key="r1", amount=order.amount - 10)

    for amount in (11, order.amount):
        with pytest.raises(MoreThanCaptured):
            refunds.request(order.pk, key="r2", amount=amount)
    rest = refunds.request(order.pk, key="r3")

    assert rest.amount == 10
    with pytest.raises(MoreThanCaptured):
        refunds.request(order.pk, key="r4")
    assert Payment.objects.get().refunded == order.amount


@pytest.mark.requirement("T64")
def test_the_database_itself_refuses_more(order: Order) -> None:
    """The constraint stands even if no verb looked."""
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.update(refunded=order.amount + 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.update(refunded=-1)


def test_what_was_not_taken_does_not_go_back(agent: PlayedAgent) -> None:
    order = buy(agent)

    with pytest.raises(NotCaptured):
        refunds.request(order.pk, key="r1", amount=1)

    assert not Refund.objects.exists()


@pytest.mark.requirement("T62")
@pytest.mark.parametrize("amount", [0, -1, True, 1.5, "5", 10**12 + 1])
def test_an_amount_is_minor_units_within_bounds(order: Order, amount: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        refunds.request(order.pk, key="r1", amount=amount)

    assert refusal.value.param == "amount"
    assert Payment.objects.get().refunded == 0


def test_an_unknown_order_is_not_refunded(order: Order) -> None:
    with pytest.raises(OrderNotFound):
        refunds.request("ord_0", key="r1", amount=1)


def test_an_unknown_outcome_is_asked_again_under_the_same_key(order: Order) -> None:
    """Unknown is never a refusal: it stays requested until the provider says."""
    provider = Provider(ports().payments, ProviderUnavailable(), ProviderUnavailable())
    with plugged(payments=provider):
        refund = refunds.request(order.pk, key="r1", amount=500)
        with pytest.raises(ProviderUnavailable):
            effects.refund({"refund": refund.pk})
        refund.refresh_from_db()
        assert (refund.state, refund.asked) == ("requested", 1)

        Refund.objects.update(ask_at=timezone.now())
        refunds.sweep()
        Refund.objects.update(ask_at=timezone.now())
        refunds.sweep()

    refund.refresh_from_db()
    assert refund.state == "completed"
    assert provider.asked == [(refund.pk, 500)] * 3


def test_a_pending_refund_is_asked_about_ever_later(order: Order) -> None:
    pending = Refunded("re_1", "pending")
    provider = Provider(ports().payments, *[pending] * 7)
    waits = []
    with plugged(payments=provider):
        refund = refunds.request(order.pk, key="r1", amount=500)
        for _ in range(7):
            before = timezone.now()
            refunds.ask(refund.pk)
            refund.refresh_from_db()
            waits.append(round((refund.ask_at - before).total_seconds()))
        events = told(order)
        refunds.sweep()  # not due yet
        assert len(provider.asked) == 7

        refunds.heard(order.payment_id)  # a webhook hints that it is over

    refund.refresh_from_db()
    assert waits == [120, 600, 1800, 7200, 21600, 86400, 86400]
    assert (refund.state, refund.reference) == ("completed", f"re_{refund.pk}")
    assert events == [1, 2]
    assert told(order) == [1, 2, 3]


def test_a_failed_refund_frees_its_money_and_an_operator_hears(order: Order) -> None:
    provider = Provider(ports().payments, Refunded("", "failed", "expired_card"))
    with plugged(payments=provider):
        refund = refunds.request(order.pk, key="r1", amount=order.amount)
        refunds.ask(refund.pk)
        refunds.ask(refund.pk)

    refund.refresh_from_db()
    order.refresh_from_db()
    assert (refund.state, refund.failure) == ("failed", "expired_card")
    assert len(provider.asked) == 1
    assert Payment.objects.get().refunded == 0
    assert order.attention == "refund_failed"
    body = wired(order)
    assert [entry["status"] for entry in body["adjustments"]] == ["failed"]
    assert sum_of(body, "amount_refunded") is None
    assert refunds.request(order.pk, key="r2", amount=order.amount).state == "requested"


def test_an_older_answer_changes_nothing(order: Order) -> None:
    """Two asked at once: whoever recorded first wins."""
    refund = refunds.request(order.pk, key="r1", amount=500)
    refunds.record(Refund.objects.get(), Refunded("re_1"))
    events = told(order)

    for state in ("pending", "failed", "completed"):
        refunds.record(Refund.objects.get(), Refunded("re_2", state))

    refund.refresh_from_db()
    assert (refund.state, refund.reference) == ("completed", "re_1")
    assert Payment.objects.get().refunded == 500
    assert told(order) == events


def test_the_provider_is_called_with_no_transaction_open(order: Order) -> None:
    seen = []

    class Watching(Provider):
        def refund(self, *args: Any, **kwargs: Any) -> Refunded:
            seen.append(connection.in_atomic_block)
            return super().refund(*args, **kwargs)

    with plugged(payments=Watching(ports().payments)):
        refunds.request(order.pk, key="r1", amount=1)
        relayed()

    assert seen == [False]


def test_a_refund_made_at_the_provider_is_on_record_once(order: Order) -> None:
    """The dashboard, as a webhook or the reconciliation found it."""
    found = refunds.found(order.payment_id, amount=700, reference="re_dash", note="dashboard")
    again = refunds.found(order.payment_id, amount=700, reference="re_dash")

    assert again.pk == found.pk
    assert (found.state, found.actor) == ("completed", "provider")
    assert Payment.objects.get().refunded == 700
    body = wired(order)
    assert sum_of(body, "amount_refunded") == 700
    assert told(order) == [1, 2]
    with pytest.raises(MoreThanCaptured):
        refunds.found(order.payment_id, amount=order.amount, reference="re_other")


def test_what_we_asked_for_is_not_found_again(order: Order) -> None:
    refund = refunds.request(order.pk, key="r1", amount=500)
    refunds.record(refund, Refunded("re_1"))

    assert refunds.found(order.payment_id, amount=500, reference="re_1").pk == refund.pk
    assert Payment.objects.get().refunded == 500


def test_the_sweep_goes_on_after_one_that_breaks(agent: PlayedAgent) -> None:
    from tests.orders.conftest import taken

    for name in ("one", "two"):
        refunds.request(taken(buy(agent)).pk, key=name, amount=1)
    Refund.objects.update(ask_at=timezone.now() - timedelta(seconds=1))

    with plugged(payments=Provider(ports().payments, RuntimeError("broken"))):
        refunds.sweep()

    assert sorted(Refund.objects.values_list("state", flat=True)) == ["completed", "requested"]


def test_the_sweep_ends_in_time_however_slow_the_provider_is(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I7: payments of which nothing is known do not wait behind the refunds of a day."""
    for name in ("one", "two", "three"):
        refunds.request(order.pk, key=name, amount=1)
    Refund.objects.update(ask_at=timezone.now() - timedelta(seconds=1))
    provider, moment = Provider(ports().payments), itertools.count(0, effects.LONGEST_SECONDS / 2)
    monkeypatch.setattr(effects, "clock", lambda: next(moment))

    with plugged(payments=provider):
        effects.sweep()

    assert len(provider.asked) == 1


def test_the_outbox_row_belongs_to_the_claim(order: Order) -> None:
    refund = refunds.request(order.pk, key="r1", amount=500)

    assert OutboxMessage.objects.get(kind="checkout.refund").payload == {"refund": refund.pk}


class Bouncing(Provider):
    """Its books say of refunds what a test says."""

    entries: Sequence[RefundEntry] | Exception = ()

    def refunds(self, attempt: Any, reference: str) -> Sequence[RefundEntry]:
        if isinstance(self.entries, Exception):
            raise self.entries
        return self.entries


@pytest.fixture
def bouncing() -> Iterator[Bouncing]:
    part = Bouncing(ports().payments)
    with plugged(payments=part):
        yield part


@pytest.mark.requirement("ACP-226", "ACP-227", "T64")
def test_a_refund_that_fails_after_it_was_done(order: Order, bouncing: Bouncing) -> None:
    """The buyer's bank sent it back: the sums are right again, the agent and an operator know, and what
    was canceled stays canceled."""
    mugs, _ = lines(order)
    cancellations.cancel_lines(order.pk, {mugs: 1}, key="c1")
    relayed()
    refund, before = Refund.objects.get(), Product.objects.get(pk="item_mug").available
    assert refund.state == "completed"
    orders.dealt_with(order.pk)
    events = told(order)
    bouncing.entries = [RefundEntry(refund.pk, refund.reference, "failed", "lost_or_stolen_card")]

    for _ in range(2):
        refunds.heard(order.payment_id)

    refund.refresh_from_db()
    order.refresh_from_db()
    body = wired(order)
    assert (refund.state, refund.failure) == ("failed", "lost_or_stolen_card")
    assert {entry["type"]: entry["status"] for entry in body["adjustments"]} == {
        "cancellation": "completed",
        "refund": "failed",
    }
    assert sum_of(body, "amount_refunded") is None
    assert body["line_items"][0]["quantity"]["current"] == 1
    assert Product.objects.get(pk="item_mug").available == before
    assert Payment.objects.get().refunded == 0
    assert order.attention == "refund_failed"
    assert told(order) == [*events, events[-1] + 1]
    states = StateMove.objects.filter(subject=refund.pk).values_list("from_state", "to_state")
    assert list(states)[-1] == ("completed", "failed")
    assert len(bouncing.asked) == 1, "nobody was asked to give it back again"
    assert refunds.request(order.pk, key="r2", amount=order.amount).state == "requested"


@pytest.mark.parametrize(
    "entry",
    [
        *(RefundEntry("", "re_other", "failed"), RefundEntry("ref_other", "re_other", "failed")),
        *(RefundEntry("", "re_1", "completed"), RefundEntry("", "re_1", "pending")),
    ],
    ids=str,
)
def test_what_the_books_say_of_another_refund_moves_nothing(
    order: Order, bouncing: Bouncing, entry: RefundEntry
) -> None:
    refund = refunds.request(order.pk, key="r1", amount=500)
    refunds.record(refund, Refunded("re_1"))
    bouncing.entries = [entry]

    refunds.heard(order.payment_id)

    refund.refresh_from_db()
    assert refund.state == "completed"


def test_books_that_do_not_answer_leave_it_as_it_was(order: Order, bouncing: Bouncing) -> None:
    refund = refunds.request(order.pk, key="r1", amount=500)
    refunds.record(refund, Refunded("re_1"))
    bouncing.entries = ProviderUnavailable()

    with pytest.raises(ProviderUnavailable):
        refunds.heard(order.payment_id)

    refund.refresh_from_db()
    assert refund.state == "completed"


def test_a_refund_made_at_the_dashboard_may_fail_too(order: Order, bouncing: Bouncing) -> None:
    found = refunds.found(order.payment_id, amount=700, reference="re_dash")
    bouncing.entries = [RefundEntry("", "re_dash", "failed", "expired_card")]

    refunds.heard(order.payment_id)

    found.refresh_from_db()
    assert found.state == "failed"
    assert Payment.objects.get().refunded == 0
