"""What happens after a purchase, outside the request: handlers of outbox messages, and sweeps.

Each is safe to run twice, and none may find a transaction open.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from checkout import (
    cancellations,
    completion,
    handoffs,
    orders,
    quoted_options,
    refunds,
    responses,
    services,
    settlement,
)
from checkout.errors import ProviderUnavailable
from checkout.models import CheckoutSession, Order, Payment
from checkout.ports import PlacedOrder, ports
from checkout.states import LIVE_ATTEMPT, PaymentState, SessionState
from interventions.moves import SETTLED

log = logging.getLogger("agentic.effects")

BATCH = 500
LONGEST_SECONDS = 30.0
"""A sweep leaves the rest to the next one after so long, well before its own lease ends."""

SILENT = 3
"""After so many payments in a row of which the provider does not answer, a sweep leaves it alone."""
PAUSE_SECONDS = 1.0

clock = time.monotonic


def capture(payload: Mapping[str, Any]) -> None:
    """Raises CaptureRefused while an order with goods on their way waits for its money."""
    try:
        settlement.capture(payload["payment"])
    except settlement.CaptureRefused:
        if not Order.objects.filter(payment=payload["payment"], status=orders.CANCELED).exists():
            raise


def refund(payload: Mapping[str, Any]) -> None:
    refunds.ask(payload["refund"])


def release_payment(payload: Mapping[str, Any]) -> None:
    cancellations.release(payload["order"])


def place_order(payload: Mapping[str, Any]) -> None:
    """The merchant's own order system knows the order, and we know its reference."""
    order = Order.objects.select_related("session").get(pk=payload["order"])
    reference = ports().order_sink.place(
        PlacedOrder(
            id=order.id,
            session_id=order.session_id,
            amount=order.amount,
            currency=order.currency,
            lines=tuple(order.quote["lines"]),
            buyer=order.buyer,
            fulfillment_details=order.fulfillment_details,
            options=quoted_options.chosen(order.quote, order.fulfillment_details),
            notes=order.notes,
            created_at=order.created_at,
            groups=tuple(order.session.fulfillment_groups or ()),
        )
    )
    if reference:
        Order.objects.filter(pk=order.pk, merchant_reference="").update(merchant_reference=reference[:255])


def undo(payload: Mapping[str, Any]) -> None:
    settlement.undo(payload["payment"], payload.get("looks", 0))


def settled(payload: Mapping[str, Any]) -> None:
    responses.settled(payload["subject"])


EFFECTS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    "checkout.capture": capture,
    orders.PLACE: place_order,
    "checkout.undo": undo,
    refunds.REFUND: refund,
    cancellations.RELEASE: release_payment,
    SETTLED: settled,
}


def sweep() -> None:
    """Overdue sessions are expired, forgotten stock freed, unanswered payments and refunds settled.

    Repeatable, and safe beside itself: every step is a conditional move. One that fails stops
    no other, and however many are waiting, it ends: whoever waits longest is first.
    """
    began, now = clock(), timezone.now()
    overdue = CheckoutSession.objects.filter(state=SessionState.OPEN, expires_at__lte=now)
    for session in overdue.order_by("expires_at")[:BATCH]:
        try:
            services.expire(session)
        except Exception as problem:  # a part that breaks on one session
            log.error("session %s cannot be expired: %s", session.pk, type(problem).__name__)
    handoffs.sweep(now)
    running = Payment.objects.filter(session__state=SessionState.COMPLETING, state__in=LIVE_ATTEMPT)
    ports().inventory.release_overdue(now, spare=list(running.values_list("pk", flat=True)))
    refunds.sweep(lambda: clock() > began + LONGEST_SECONDS / 2)
    if not _settled(began):
        _end_lapsed()


def _settled(began: float) -> bool:
    """What can be settled now is; False when the provider did not answer about a payment. One that never
    answers is soon left to the next sweep."""
    silent, answered = 0, True
    for payment in _unanswered():
        if clock() > began + LONGEST_SECONDS:
            log.warning("the sweep ends before everything is settled; the next one goes on")
            break
        try:
            settlement.settle(payment.pk)
            silent = 0
        except ProviderUnavailable:
            log.warning("payment %s is still unknown: its provider does not answer", payment.pk)
            answered = False
            silent += 1
        except Exception as problem:  # a part that breaks on one payment
            log.error("payment %s cannot be settled: %s", payment.pk, type(problem).__name__)
        else:
            continue
        _behind_the_others(payment)
        if silent == SILENT:
            break
    return answered


def _behind_the_others(payment: Payment) -> None:
    """The payment is asked about again by the next sweep, after those that wait longer. Whoever touched
    it meanwhile is right."""
    soon = timezone.now() - timedelta(seconds=ports().rules.attempt_seconds - PAUSE_SECONDS)
    Payment.objects.filter(pk=payment.pk, updated_at=payment.updated_at).update(updated_at=soon)


def _end_lapsed() -> None:
    """Payments that waited for a person in vain are given up while the provider is silent: nobody's stock
    is held for as long as that takes, and what came of them is undone when it answers again."""
    waiting = Payment.objects.filter(state=PaymentState.REQUIRES_ACTION).select_related("session")
    for payment in waiting.order_by("created_at")[:BATCH]:
        services.without_lapsed(payment.session)


def _unanswered() -> Iterator[Payment]:
    """Payments whose request died, the longest waiting first: unknown, or paid without an order; then
    those that wait for a person, who may have acted, or may not any more. However many people are
    asked, the others do not wait behind them."""
    stale = timezone.now() - timedelta(seconds=ports().rules.attempt_seconds)
    paid = Q(state__in=completion.PAID, session__state=SessionState.COMPLETING)
    silent = Payment.objects.filter(updated_at__lte=stale).order_by("updated_at")
    yield from silent.filter(Q(state=PaymentState.PROCESSING) | paid)[:BATCH]
    yield from silent.filter(state=PaymentState.REQUIRES_ACTION)[:BATCH]
