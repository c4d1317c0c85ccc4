"""What happens after a purchase, outside the request: handlers of outbox messages, and sweeps.

Each is safe to run twice, and none may find a transaction open.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from checkout import completion, quoted_options, responses, services, settlement
from checkout.errors import ProviderUnavailable
from checkout.models import CheckoutSession, Order, Payment
from checkout.ports import PlacedOrder, ports
from checkout.states import LIVE_ATTEMPT, PaymentState, SessionState
from interventions import visits

log = logging.getLogger("agentic.effects")

BATCH = 500


def capture(payload: Mapping[str, Any]) -> None:
    settlement.capture(payload["payment"])


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
    settlement.undo(payload["payment"])


def settled(payload: Mapping[str, Any]) -> None:
    responses.settled(payload["subject"])


EFFECTS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    "checkout.capture": capture,
    "checkout.place_order": place_order,
    "checkout.undo": undo,
    visits.SETTLED: settled,
}


def sweep() -> None:
    """Overdue sessions are expired, forgotten stock freed, unanswered payments settled.

    Repeatable, and safe beside itself: every step is a conditional move. One that fails stops
    no other.
    """
    now = timezone.now()
    for session in CheckoutSession.objects.filter(state=SessionState.OPEN, expires_at__lte=now)[:BATCH]:
        services.expire(session)
    running = Payment.objects.filter(session__state=SessionState.COMPLETING, state__in=LIVE_ATTEMPT)
    ports().inventory.release_overdue(now, spare=list(running.values_list("pk", flat=True)))
    for payment in _unanswered():
        try:
            settlement.settle(payment.pk)
        except ProviderUnavailable:
            # It is down for the others too; the next sweep asks about the next one.
            log.warning("payment %s is still unknown: its provider does not answer", payment.pk)
            completion.touch(payment)
            return
        except Exception as problem:  # a part that breaks on one payment
            log.error("payment %s cannot be settled: %s", payment.pk, type(problem).__name__)
            completion.touch(payment)


def _unanswered() -> QuerySet[Payment]:
    """Payments whose request died, the longest waiting first: unknown, or paid without an order."""
    stale = timezone.now() - timedelta(seconds=ports().rules.attempt_seconds)
    paid = Q(state__in=completion.PAID, session__state=SessionState.COMPLETING)
    waiting = Payment.objects.filter(Q(state=PaymentState.PROCESSING) | paid, updated_at__lte=stale)
    return waiting.order_by("updated_at")[:BATCH]
