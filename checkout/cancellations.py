"""Orders, or pieces of them, that are not to be: canceled before they leave, or taken back after.

Money that was taken goes back as a refund. Money that was only authorized is let go when the whole order
is canceled; a provider takes all of an authorization or none, so that for single pieces it is taken and
their share goes back at once. What was canceled is put back in stock where the merchant's stock can do
that (`RestockingInventory`); what comes back from a buyer is the merchant's to look at first.
"""

from __future__ import annotations

import logging
from hashlib import sha256
from typing import Any

from django.db import transaction

from checkout import adjustments, moves, orders, quantities, refunds
from checkout.completion import PAID, PROVIDER, attempt_of
from checkout.errors import KeyReused, OrderNotFound, ProviderUnavailable, StateConflict
from checkout.models import Adjustment, Order, Payment
from checkout.order_models import LONGEST_KEY
from checkout.ports import Authorized, RestockingInventory, ports
from checkout.quantities import Pieces
from checkout.states import PaymentState

log = logging.getLogger("agentic.cancellations")

RELEASE = "checkout.release_payment"


def cancel(
    order_id: str,
    *,
    key: str,
    reason: str = "",
    description: str = "",
    actor: str = orders.MERCHANT,
) -> Adjustment:
    """The whole order is canceled: nothing of it is sent, its money goes back, and its agent hears of it.

    `reason` is a code for agents, `description` is for the buyer. Raises OrderNotFound, StateConflict
    when something is packed or sent, or nothing is left, and KeyReused when the key was for pieces of it.
    Repeatable by the key. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        payment, order = _locked(order_id)
        if (before := _before(order, adjustments.CANCELLATION, key)) is not None:
            if order.status != orders.CANCELED:
                raise KeyReused
            return before
        rows = quantities.of(order)
        if any(row.packed for row in rows.values()):
            raise StateConflict("Some of the order is packed or sent. End its deliveries first.")
        pieces = {line_id: row.current for line_id, row in rows.items() if row.current}
        if not pieces:
            raise StateConflict("Nothing of the order is left to cancel.")
        return _cancel_all(payment, order, pieces, key, reason, description, actor)


def cancel_lines(
    order_id: str,
    lines: Pieces,
    *,
    key: str,
    amount: int | None = None,
    reason: str = "",
    description: str = "",
    actor: str = orders.MERCHANT,
) -> Adjustment:
    """These pieces, which are in no delivery, are not part of the order any more, and the buyer has back
    what they cost, or `amount` (0: nothing).

    The cost of delivery goes back with the last piece only, when nothing was ever sent. As `cancel`, and
    raises TooMany for pieces that are packed, sent or gone, MoreThanCaptured, and StateConflict for all that
    is left, with an `amount`, of an order whose money was not taken yet.
    """
    with transaction.atomic(durable=True):
        payment, order = _locked(order_id)
        pieces = quantities.judged(order, lines)
        if (before := _before(order, adjustments.CANCELLATION, key, pieces)) is not None:
            return before
        if amount is None and pieces == {
            line_id: row.current for line_id, row in quantities.of(order).items() if row.current
        }:
            return _cancel_all(payment, order, pieces, key, reason, description, actor)
        due = quantities.worth(order, pieces, gone=quantities.gone(order)) if amount is None else amount
        quantities.change(order, pieces, current=-1)
        _not_all_of_unpaid(payment, order)
        row, _ = adjustments.write(
            order,
            type=adjustments.CANCELLATION,
            key=key,
            status=adjustments.COMPLETED,
            lines=pieces,
            reason=reason,
            description=description,
            actor=actor,
        )
        _put_back(order, pieces)
        if due:
            refunds.claim(
                order.pk, key=_of("cancel", key), amount=due, lines=pieces, actor=actor, untaken=True
            )
        orders.changed(order.pk, status=quantities.status(order))
    return row


def take_back(
    order_id: str,
    lines: Pieces,
    *,
    key: str,
    amount: int | None = None,
    reason: str = "",
    description: str = "",
    actor: str = orders.MERCHANT,
) -> Adjustment:
    """The buyer has sent these pieces back, and has back what they cost, or `amount` (0: nothing).

    Raises OrderNotFound, Invalid, KeyReused, TooMany for more than was sent, MoreThanCaptured, and
    StateConflict for all that is left of an order whose money was not taken yet. Repeatable by the key. No
    transaction may be open.
    """
    with transaction.atomic(durable=True):
        payment, order = _locked(order_id)
        pieces = quantities.judged(order, lines)
        if (before := _before(order, adjustments.RETURN, key, pieces)) is not None:
            return before
        due = quantities.worth(order, pieces, gone=quantities.gone(order)) if amount is None else amount
        quantities.change(order, pieces, current=-1, packed=-1, fulfilled=-1)
        _not_all_of_unpaid(payment, order)
        row, _ = adjustments.write(
            order,
            type=adjustments.RETURN,
            key=key,
            status=adjustments.COMPLETED,
            lines=pieces,
            reason=reason,
            description=description,
            actor=actor,
        )
        if due:
            refunds.claim(
                order.pk, key=_of("return", key), amount=due, lines=pieces, actor=actor, untaken=True
            )
        orders.changed(order.pk, status=quantities.status(order))
    return row


def unpayable(payment_id: str, code: str) -> bool:
    """The order whose authorized money was refused for good is canceled, its stock free, its agent told,
    and an operator has it on the list (decision 36); whether it is.

    One that has goods packed or sent already is no cancellation: it is in review, and a person decides.
    Repeatable. No transaction may be open.
    """
    order_id = Order.objects.filter(payment=payment_id).values_list("pk", flat=True).first()
    if order_id is None:
        return False
    with transaction.atomic(durable=True):
        payment, order = _locked(order_id)
        if order.status == orders.CANCELED or payment.state != PaymentState.AUTHORIZED:
            return order.status == orders.CANCELED
        rows = quantities.of(order)
        if any(row.packed for row in rows.values()):
            if order.status != orders.REVIEW:
                orders.changed(order.pk, status=orders.REVIEW, attention=orders.CAPTURE_REFUSED)
            return False
        pieces = {line_id: row.current for line_id, row in rows.items() if row.current}
        log.error("order %s is canceled: its money was refused at the capture", order.pk)
        _cancel_all(
            payment,
            order,
            pieces,
            f"capture:{payment.pk}",
            "payment_declined",
            "",
            PROVIDER,
            attention=orders.CAPTURE_REFUSED,
        )
    return True


def paid(payment_id: str) -> None:
    """The money was taken: an order in review for want of it goes on, and refunds that waited for it are
    on their way. Must run in the transaction that records it, which holds the payment's row."""
    refunds.captured(payment_id)
    review = {"status": orders.REVIEW, "attention": orders.CAPTURE_REFUSED}
    order = Order.objects.filter(payment=payment_id, **review).first()
    if order is not None:
        order = orders.locked(order.pk)
        order.status = orders.CONFIRMED
        orders.changed(order.pk, only=review, status=quantities.status(order), attention="")


def release(order_id: str) -> None:
    """The money of a canceled order is not kept: an authorization is void, and what was taken, even while
    the order was being canceled, goes back.

    Raises ProviderUnavailable. Repeatable. No transaction may be open.
    """
    order = Order.objects.select_related("payment").get(pk=order_id)
    payment = order.payment
    if order.status != orders.CANCELED or payment.state not in PAID:
        return
    taken = payment.state == PaymentState.CAPTURED
    if not taken:
        attempt = attempt_of(payment)
        ports().payments.void(attempt, payment.reference)
        # A capture that was under way may have been quicker; the provider says which it was.
        seen = ports().payments.retrieve(attempt)
        taken = isinstance(seen, Authorized) and seen.captured
        if isinstance(seen, Authorized) and not taken:
            raise ProviderUnavailable  # it still holds the money, whatever it made of our asking
    with transaction.atomic(durable=True):
        payment = Payment.objects.select_for_update().get(pk=payment.pk)
        if payment.state == PaymentState.AUTHORIZED:
            to = PaymentState.CAPTURED if taken else PaymentState.VOIDED
            moves.move(payment, to, actor=PROVIDER, note="order canceled")
        if payment.state == PaymentState.VOIDED:
            if refunds.never_taken(payment.pk):
                orders.changed(order.pk)
            return
        if payment.state == PaymentState.CAPTURED:
            refunds.captured(payment.pk)
            if payment.amount > payment.refunded:
                refunds.claim(order.pk, key=f"canceled:{order.pk}", amount=None, actor=PROVIDER)
                orders.changed(order.pk)


def captures_on_shipment() -> bool:
    """The merchant takes money when goods leave."""
    return ports().rules.capture == "on_shipment"


def _cancel_all(
    payment: Payment,
    order: Order,
    pieces: Pieces,
    key: str,
    reason: str,
    description: str,
    actor: str,
    *,
    attention: str = "",
) -> Adjustment:
    was_sent = order.adjustments.filter(type=adjustments.RETURN).exists()
    quantities.change(order, pieces, current=-1)
    row, _ = adjustments.write(
        order,
        type=adjustments.CANCELLATION,
        key=key,
        status=adjustments.COMPLETED,
        lines=pieces,
        reason=reason,
        description=description,
        actor=actor,
    )
    _put_back(order, pieces)
    if payment.state == PaymentState.CAPTURED:
        gone = quantities.gone(order)
        before = {line_id: gone[line_id] - quantity for line_id, quantity in pieces.items()}
        rest = payment.amount - payment.refunded
        # What came back from the buyer was delivered, and its delivery is paid.
        due = min(quantities.worth(order, pieces, gone=before), rest) if was_sent else rest
        if due:
            refunds.claim(order.pk, key=_of("cancel", key), amount=due, lines=pieces, actor=actor)
    else:
        ports().outbox.add(RELEASE, {"order": order.pk})
    more: dict[str, Any] = {"attention": attention} if attention else {}
    orders.changed(order.pk, status=orders.CANCELED, **more)
    return row


def _locked(order_id: str) -> tuple[Payment, Order]:
    payment = Payment.objects.select_for_update(of=("self",)).filter(order=order_id).first()
    if payment is None:
        raise OrderNotFound
    return payment, orders.locked(order_id)


def _not_all_of_unpaid(payment: Payment, order: Order) -> None:
    """An order of which nothing is left is canceled, and the money of a canceled order is never taken; so
    that a part of it cannot be kept or given back. Raises StateConflict."""
    if payment.state != PaymentState.CAPTURED and quantities.status(order) == orders.CANCELED:
        raise StateConflict("The money was not taken yet. Wait until it is, or cancel the order as a whole.")


def _before(order: Order, type: str, key: str, pieces: Pieces | None = None) -> Adjustment | None:
    row = order.adjustments.filter(type=type, key=key).first()
    if row is not None and pieces is not None and row.lines != quantities.references(pieces):
        raise KeyReused
    return row


def _of(what: str, key: str) -> str:
    """The key of the refund that belongs to it. One of the longest keys has no room for another word."""
    named = f"{what}:{key}"
    return named if len(named) <= LONGEST_KEY else f"{what}:sha256:{sha256(key.encode()).hexdigest()}"


def _put_back(order: Order, pieces: Pieces) -> None:
    """What was canceled can be sold again, where the stock knows how."""
    inventory = ports().inventory
    if isinstance(inventory, RestockingInventory):
        inventory.put_back(order.payment_id, quantities.wanted(order, pieces))
