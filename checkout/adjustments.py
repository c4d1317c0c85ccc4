"""Changes after the purchase that agents are told of (ACP-226): written once, and concluded.

`refunds` and `cancellations` write theirs with what they do. Those written here by a merchant move no
money and no pieces: they say what the merchant did elsewhere.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from checkout import orders, quantities, texts
from checkout.errors import Invalid, KeyReused, OrderNotFound
from checkout.models import Adjustment, Order
from checkout.money import LARGEST_AMOUNT
from checkout.order_models import LONGEST_KEY
from checkout.quantities import Pieces

REFUND = "refund"
CREDIT = "credit"
RETURN = "return"
EXCHANGE = "exchange"
PRICE = "price_adjustment"
CANCELLATION = "cancellation"
DISPUTE = "dispute"

PENDING = "pending"
COMPLETED = "completed"
FAILED = "failed"

OURS = frozenset({REFUND, CANCELLATION, RETURN})
"""What `refunds` and `cancellations` write, and nobody else."""


def add(
    order_id: str,
    *,
    type: str,
    key: str,
    status: str = COMPLETED,
    amount: int | None = None,
    lines: Pieces | None = None,
    reason: str = "",
    description: str = "",
    actor: str = orders.MERCHANT,
    occurred_at: datetime | None = None,
    attention: str = "",
) -> Adjustment:
    """The order has this change, once per type and key, and its agent hears of it.

    Type and status may be words nobody knows (ACP-228). Raises Invalid, OrderNotFound, and KeyReused
    when the key had another amount or other lines. No transaction may be open.
    """
    if texts.code(type, "type") in OURS:
        raise Invalid("A refund, return or cancellation is made by its own verb.", param="type")
    with transaction.atomic(durable=True):
        order = orders.locked(order_id)
        row, made = write(
            order,
            type=type,
            key=key,
            status=texts.code(status, "status"),
            amount=amount,
            lines=lines or {},
            reason=reason,
            description=description,
            actor=actor,
            occurred_at=occurred_at,
        )
        if made:
            more: dict[str, Any] = {"attention": attention} if attention else {}
            orders.changed(order.pk, **more)
    return row


def conclude(order_id: str, *, type: str, key: str, status: str) -> bool:
    """The pending change has ended so, and the order's agent hears of it; False when it was not pending.

    Raises OrderNotFound and Invalid. Repeatable. No transaction may be open.
    """
    if texts.code(type, "type") in OURS:
        raise Invalid("A refund, return or cancellation is ended by its own verb.", param="type")
    texts.code(status, "status")
    with transaction.atomic(durable=True):
        order = orders.locked(order_id)
        if not settle(order.adjustments.filter(type=type, key=key), status):
            return False
        return orders.changed(order.pk)


def dispute(
    payment_id: str,
    *,
    key: str,
    amount: int | None = None,
    reason: str = "",
    description: str = "",
    occurred_at: datetime | None = None,
) -> Adjustment:
    """The buyer disputes the payment, as the provider says: the order's agent and an operator know.

    `key` is the provider's own id of it. Repeatable; `dispute_ended` ends it. Raises OrderNotFound, Invalid
    and KeyReused. No transaction may be open.
    """
    return add(
        _order_of(payment_id),
        type=DISPUTE,
        key=key,
        status=PENDING,
        amount=amount,
        reason=reason,
        description=description,
        actor="provider",
        occurred_at=occurred_at,
        attention=orders.DISPUTED,
    )


def dispute_ended(payment_id: str, *, key: str, lost: bool) -> bool:
    """The dispute is over: the money went back to the buyer when it was lost. As `conclude`."""
    status = COMPLETED if lost else FAILED
    return conclude(_order_of(payment_id), type=DISPUTE, key=key, status=status)


def write(
    order: Order,
    *,
    type: str,
    key: str,
    status: str,
    actor: str,
    amount: int | None = None,
    lines: Pieces | None = None,
    reason: str = "",
    description: str = "",
    occurred_at: datetime | None = None,
) -> tuple[Adjustment, bool]:
    """The change is written, or was under that key before (False). Tells nobody.

    Must run in the transaction that holds the order's lock.
    """
    stored = quantities.references(quantities.judged(order, lines)) if lines else []
    if amount is not None:
        texts.amount(amount, LARGEST_AMOUNT, least=0)
    before = order.adjustments.filter(type=type, key=key).first()
    if before is not None:
        if (before.amount, before.lines) != (amount, stored):
            raise KeyReused
        return before, False
    row = Adjustment(
        order=order,
        key=texts.needed(key, "key", LONGEST_KEY),
        type=type,
        status=status,
        amount=amount,
        currency=order.currency,
        lines=stored,
        reason=texts.text(reason, "reason", 64),
        description=texts.text(description, "description", 500),
        actor=actor[:255],
        occurred_at=texts.moment(occurred_at),
    )
    row.save()
    return row, True


def settle(rows: QuerySet[Adjustment], status: str, *, before: str = PENDING) -> bool:
    """Those of `rows` that were as `before` have ended so; False when none was. Must run as `write`."""
    return bool(rows.filter(status=before).update(status=status, updated_at=timezone.now()))


def _order_of(payment_id: str) -> str:
    found = Order.objects.filter(payment=payment_id).values_list("pk", flat=True).first()
    if found is None:
        raise OrderNotFound
    return found
