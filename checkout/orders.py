"""What agents hear of their orders: every change is an effect with the order's next number.

The numbers of one order have no gap, because each is taken in the transaction that changes it. The
effect carries ids only: whoever is told reads the order as it then stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from checkout import texts
from checkout.errors import Invalid, OrderNotFound, StateConflict
from checkout.models import Order
from checkout.ports import ports

PLACE = "checkout.place_order"
ORDER_EVENT = "checkout.order_event"
CREATED = "order_create"
CHANGED = "order_update"

CONFIRMED = "confirmed"
PROCESSING = "processing"
SHIPPED = "shipped"
COMPLETED = "completed"
CANCELED = "canceled"
REVIEW = "manual_review"
"""Somebody at the merchant looks at the order. It stays so until they say otherwise."""

MERCHANT = "merchant"
"""Who acts, unless a caller says so more closely."""

CAPTURE_REFUSED = "capture_refused"
REFUND_FAILED = "refund_failed"
DISPUTED = "disputed"
"""Why an operator must look at an order."""


def created(order: Order, *besides: tuple[str, Mapping[str, Any]]) -> None:
    """The merchant's own order system will have the new order, and its agent will hear of it; the effects
    `besides` are queued with that, in one statement.

    Must run in the transaction that places it.
    """
    told = _event(order.pk, order.sequence, CREATED, order.created_at, None)
    ports().outbox.add_all([(PLACE, {"order": order.pk}), (ORDER_EVENT, told), *besides])


def changed(order_id: str, *, only: Mapping[str, Any] | None = None, **columns: Any) -> bool:
    """The order has these columns, and its agent will hear of it; False when it is not as `only` says.

    A transaction may be open, and then the event is part of it; the order's row is locked until it ends.
    """
    with transaction.atomic():
        rows = Order.objects.select_for_update().filter(pk=order_id, **(only or {}))
        before = rows.values_list("event_at", "created_at").first()
        if before is None:
            return False
        now = timezone.now()
        Order.objects.filter(pk=order_id).update(
            sequence=F("sequence") + 1, event_at=now, updated_at=now, **columns
        )
        sequence = Order.objects.values_list("sequence", flat=True).get(pk=order_id)
        told = _event(order_id, sequence, CHANGED, now, before[0] or before[1])
        ports().outbox.add(ORDER_EVENT, told)
    return True


def locked(order_id: str) -> Order:
    """The order, its row locked until the transaction ends. Raises OrderNotFound.

    Locks go payment, order, stock: whoever wants the payment's row takes it before.
    """
    order = Order.objects.select_for_update().filter(pk=order_id).first()
    if order is None:
        raise OrderNotFound
    return order


def disputed(payment_id: str) -> bool:
    """An operator looks at the order, whose payment its buyer disputes as the provider hints; False when
    there is none, or somebody must look already. Tells no agent: `adjustments.dispute` does, once it is
    known what the dispute is about. Repeatable."""
    return bool(Order.objects.filter(payment=payment_id, attention="").update(attention=DISPUTED))


def dealt_with(order_id: str) -> bool:
    """Nobody must look at the order any more; False when nobody had to. Tells no agent. Repeatable."""
    return bool(Order.objects.filter(pk=order_id).exclude(attention="").update(attention=""))


def marked(order_id: str, status: str) -> bool:
    """The order has this status, the merchant's own word perhaps (ACP-228), until what happens to its
    pieces says another; its agent hears of it. False when it had it.

    No word cancels an order, as its money would stay where it is: `cancellations.cancel` does. And none
    wakes one that is canceled, because its money is let go for that status. Raises OrderNotFound, Invalid,
    and StateConflict for a canceled order. Repeatable.
    """
    status = texts.code(status, "status")
    with transaction.atomic():
        before = locked(order_id).status
        if before == status:
            return False
        if status == CANCELED:
            raise Invalid("An order is canceled by its own verb, with its money.", param="status")
        if before == CANCELED:
            raise StateConflict("The order is canceled.")
        return changed(order_id, status=status)


def _event(
    order_id: str, sequence: int, kind: str, at: datetime, previous_at: datetime | None
) -> dict[str, Any]:
    return {
        "order": order_id,
        "sequence": sequence,
        "type": kind,
        "at": at.isoformat(),
        "previous_at": previous_at.isoformat() if previous_at else None,
    }
