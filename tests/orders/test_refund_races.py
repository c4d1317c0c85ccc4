"""R14: a hundred refunds at once. SQLite writes one at a time and cannot show it."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet, Sum
from django.utils import timezone

from checkout import adjustments, orders, refunds
from checkout.errors import MoreThanCaptured
from checkout.models import Order, Payment, Refund, SandboxCharge
from tests.agents import PlayedAgent
from tests.crowd import WAIT_SECONDS, at_once
from tests.orders.conftest import buy, relayed, sum_of, taken, told, wired

pytestmark = [pytest.mark.services, pytest.mark.requirement("R14", "T64")]

CROWD = 50
EACH = 2
"""Every one of the crowd asks so often: a hundred refunds, with fewer connections than a server has."""
AMOUNT, PART = 100, 20
FIT = AMOUNT // PART


@pytest.fixture
def hundred(agent: PlayedAgent) -> Order:
    """An order of which 100 were taken."""
    order = taken(buy(agent))
    Payment.objects.update(amount=AMOUNT)
    SandboxCharge.objects.update(amount=AMOUNT, captured=AMOUNT)
    return order


def all_at_once(order: Order) -> Counter[str]:
    """What a hundred requests of 20 with keys of their own came to."""

    def some(number: int) -> list[str]:
        came = []
        for turn in range(EACH):
            try:
                refunds.request(order.pk, key=f"{number}-{turn}", amount=PART)
                came.append("claimed")
            except (MoreThanCaptured, IntegrityError) as refusal:
                came.append(type(refusal).__name__)
        return came

    return Counter(outcome for outcomes in at_once(CROWD, some) for outcome in outcomes)


def going_back() -> int:
    return Refund.objects.exclude(state="failed").aggregate(sum=Sum("amount"))["sum"] or 0


def test_exactly_what_was_taken_goes_back(hundred: Order) -> None:
    assert all_at_once(hundred) == {"claimed": FIT, "MoreThanCaptured": CROWD * EACH - FIT}

    relayed()

    assert set(Refund.objects.values_list("state", flat=True)) == {"completed"}
    assert going_back() == AMOUNT == Payment.objects.get().refunded
    assert sum(SandboxCharge.objects.get().refunds.values()) == AMOUNT
    assert sum_of(wired(hundred), "amount_refunded") == AMOUNT
    assert told(hundred) == list(range(1, 2 * FIT + 2))


def test_the_winning_statement_needs_no_lock(hundred: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """The condition is judged by the UPDATE itself."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_: rows.all())

    came = all_at_once(hundred)

    assert came["claimed"] == FIT
    assert going_back() == AMOUNT


def test_the_constraint_stands_where_nothing_else_does(
    hundred: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(payment: Payment, amount: int) -> None:
        Payment.objects.filter(pk=payment.pk).update(refunded=F("refunded") + amount)

    monkeypatch.setattr(refunds, "_count", count)

    assert all_at_once(hundred) == {"claimed": FIT, "IntegrityError": CROWD * EACH - FIT}
    assert going_back() == AMOUNT


def test_the_same_key_at_once_is_one_refund(hundred: Order) -> None:
    found = at_once(CROWD, lambda _: refunds.request(hundred.pk, key="same", amount=PART).pk)

    assert len(set(found)) == 1
    assert going_back() == PART
    assert told(hundred) == [1, 2]


def test_asking_at_once_gives_back_once(hundred: Order) -> None:
    refund = refunds.request(hundred.pk, key="one", amount=PART)

    at_once(CROWD, lambda _: refunds.ask(refund.pk))

    assert SandboxCharge.objects.get().refunds == {refund.pk: PART}
    assert told(hundred) == [1, 2, 3]


def test_reading_first_and_writing_after_gives_back_too_much(
    hundred: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: whoever looks first and then writes what they make of it is one of many."""
    looked = threading.Barrier(CROWD)
    first = threading.local()

    def naive(order_id: str, *, key: str, amount: int, **_: Any) -> tuple[Refund, bool]:
        payment = Payment.objects.get(order=order_id)
        if payment.refunded + amount > payment.amount:
            raise MoreThanCaptured
        if not hasattr(first, "done"):
            first.done = True
            looked.wait(WAIT_SECONDS)
        Payment.objects.filter(pk=payment.pk).update(refunded=payment.refunded + amount)
        order = orders.locked(order_id)
        change, _ = adjustments.write(
            order, type="refund", key=key, status="pending", amount=amount, actor="x"
        )
        refund = Refund(
            payment=payment,
            adjustment=change,
            key=key,
            amount=amount,
            currency="usd",
            actor="x",
            ask_at=timezone.now(),
        )
        refund.save(force_insert=True)
        return refund, True

    monkeypatch.setattr(refunds, "claim", naive)

    came = all_at_once(hundred)

    assert came["claimed"] > FIT
    assert going_back() > AMOUNT
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.update(refunded=going_back())
