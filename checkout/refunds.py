"""Money that goes back to the buyer (decision 37).

A refund is claimed in a short transaction, and its row is the provider's idempotency key; the provider
is asked by the outbox, with no transaction open, and again by the sweep until its word is the last. An
answer that did not come leaves the refund `requested`: the next question repeats the same key. Its
payment counts what is claimed in the statement that wins the claim, so that the sum of refunds that
have not failed is never more than was taken, whatever races (T64, R14).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from checkout import adjustments, moves, orders, texts
from checkout.completion import PAID, PROVIDER, attempt_of
from checkout.errors import (
    KeyReused,
    MoreThanCaptured,
    NotCaptured,
    OrderNotFound,
    ProviderUnavailable,
    StateConflict,
)
from checkout.models import Adjustment, Order, Payment, Refund
from checkout.money import LARGEST_AMOUNT
from checkout.order_models import LONGEST_KEY
from checkout.payments.guard import refunds_of
from checkout.ports import Refunded, ports
from checkout.quantities import Pieces
from checkout.states import OPEN_REFUND, PaymentState, RefundState

log = logging.getLogger("agentic.refunds")

REFUND = "checkout.refund"

DELAYS_SECONDS = (120, 600, 1800, 7200, 6 * 3600, 24 * 3600)
"""How long after each question the next one is asked, unless somebody asks before; the last for ever."""

BATCH = 200


def request(
    order_id: str,
    *,
    key: str,
    amount: int | None = None,
    lines: Pieces | None = None,
    reason: str = "",
    description: str = "",
    actor: str = orders.MERCHANT,
) -> Refund:
    """`amount` minor units, or everything that is left, are to go back, once per key.

    The order's agent hears of a pending refund now, and of its end. `lines` say what it is for; `reason`
    is the merchant's own and kept from agents, `description` is for the buyer. Raises OrderNotFound,
    NotCaptured, MoreThanCaptured, KeyReused and Invalid. Repeatable by the key. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        refund, made = claim(
            order_id,
            key=key,
            amount=amount,
            lines=lines,
            reason=reason,
            description=description,
            actor=actor,
        )
        if made:
            orders.changed(order_id)
    return refund


def claim(
    order_id: str,
    *,
    key: str,
    amount: int | None,
    actor: str,
    lines: Pieces | None = None,
    reason: str = "",
    description: str = "",
    untaken: bool = False,
) -> tuple[Refund, bool]:
    """As `request`, inside a transaction of the caller's, who tells the agent; whether it is new.

    `untaken`: the money may still have to be taken, and goes back as soon as it was.
    """
    payment = Payment.objects.select_for_update(of=("self",)).filter(order=order_id).first()
    if payment is None:
        raise OrderNotFound
    before = Refund.objects.filter(payment=payment, key=key).first()
    if before is not None:
        if amount is not None and amount != before.amount:
            raise KeyReused
        return before, False
    if payment.state != PaymentState.CAPTURED and not (untaken and payment.state in PAID):
        raise NotCaptured
    left = payment.amount - payment.refunded
    if amount is None and not left:
        raise MoreThanCaptured
    amount = texts.amount(left if amount is None else amount, LARGEST_AMOUNT)
    _count(payment, amount)
    refund = _written(payment, orders.locked(order_id), key, amount, lines or {}, reason, description, actor)
    if payment.state == PaymentState.CAPTURED:
        ports().outbox.add(REFUND, {"refund": refund.pk})
    return refund, True


def captured(payment_id: str) -> None:
    """Refunds that waited for the money to be taken are on their way. Must run in the transaction that
    records that it was."""
    waiting = Refund.objects.filter(payment=payment_id, state=RefundState.REQUESTED)
    ports().outbox.add_all([(REFUND, {"refund": pk}) for pk in waiting.values_list("pk", flat=True)])


def never_taken(payment_id: str) -> bool:
    """Refunds that waited for money that was never taken have failed; whether there were any. Must run
    in a transaction that holds the payment's row, and the caller tells the agent."""
    waiting = list(Refund.objects.filter(payment=payment_id, state=RefundState.REQUESTED))
    for refund in waiting:
        _fail(refund, "not_captured", actor="system")
    return bool(waiting)


def ask(refund_id: str) -> None:
    """The provider was asked once to give the money back, or what has become of it, and its answer is
    recorded.

    Nothing happens when its word was the last already, when somebody else asks, or when the money
    was not taken yet. Raises ProviderUnavailable, and the refund stays as it was. Repeatable, also at the
    same time elsewhere. No transaction may be open.
    """
    refund = Refund.objects.select_related("payment").get(pk=refund_id)
    payment = refund.payment
    if refund.state not in OPEN_REFUND or payment.state != PaymentState.CAPTURED:
        return
    delay = DELAYS_SECONDS[min(refund.asked, len(DELAYS_SECONDS) - 1)]
    mine = Refund.objects.filter(pk=refund.pk, state=refund.state, asked=refund.asked)
    if not mine.update(asked=F("asked") + 1, ask_at=timezone.now() + timedelta(seconds=delay)):
        return
    answer = ports().payments.refund(
        attempt_of(payment), payment.reference, amount=refund.amount, key=refund.pk
    )
    record(refund, answer)


def record(refund: Refund, answer: Refunded) -> None:
    """The provider's answer is stored, and the order's agent hears of an end. An older answer, or one
    that somebody else recorded, changes nothing. No transaction may be open."""
    try:
        with transaction.atomic(durable=True):
            Payment.objects.select_for_update().get(pk=refund.payment_id)
            refund.refresh_from_db(fields=("state", "reference"))
            match answer.state:
                case "pending" if refund.state == RefundState.REQUESTED:
                    moves.move(refund, RefundState.PENDING, actor=PROVIDER, reference=answer.reference[:255])
                case "completed":
                    reference = answer.reference[:255] or refund.reference
                    moves.move(refund, RefundState.COMPLETED, actor=PROVIDER, reference=reference)
                    _tell(refund, adjustments.COMPLETED)
                case "failed" if refund.state in OPEN_REFUND:
                    _fail(refund, answer.reason, actor=PROVIDER)
                    _tell(refund, None, attention=orders.REFUND_FAILED)
    except StateConflict:
        log.info("refund %s was settled by somebody else", refund.pk)


def heard(payment_id: str) -> None:
    """The provider was asked what has become of the refunds of the payment: a webhook hinted that
    something has. Raises ProviderUnavailable. Repeatable. No transaction may be open."""
    open_ones = Refund.objects.filter(payment=payment_id, state__in=OPEN_REFUND)
    for refund_id in list(open_ones.order_by("created_at").values_list("pk", flat=True)):
        ask(refund_id)
    look_again(payment_id)


def look_again(payment_id: str) -> int:
    """Refunds of the payment that were completed, and that by the provider's books have failed since, have
    failed here too; how many.

    Nothing moves by it but our own books. Raises ProviderUnavailable. Repeatable. No transaction may be
    open.
    """
    done = list(Refund.objects.filter(payment=payment_id, state=RefundState.COMPLETED))
    if not done:
        return 0
    payment = Payment.objects.get(pk=payment_id)
    entries = refunds_of(ports().payments, attempt_of(payment), payment.reference) or ()
    by_name = {name: entry for entry in entries for name in (entry.key, entry.reference) if name}
    failed = 0
    for refund in done:
        entry = by_name.get(refund.reference) or by_name.get(refund.pk)
        if entry is not None and entry.state == "failed":
            failed += _came_back(refund, entry.reason)
    return failed


def _came_back(refund: Refund, why: str) -> bool:
    """The completed refund has failed after all: its money may be asked for again, the order's agent hears
    of it, and an operator has the order on the list. What it was for stays as it is: pieces that were
    canceled are canceled. False when somebody else recorded it."""
    with transaction.atomic(durable=True):
        Payment.objects.select_for_update().get(pk=refund.payment_id)
        refund.refresh_from_db(fields=("state",))
        if refund.state != RefundState.COMPLETED:
            return False
        log.error("refund %s, which was completed, has failed", refund.pk)
        _fail(refund, why, actor=PROVIDER)
        _tell(refund, None, attention=orders.REFUND_FAILED)
    return True


def found(payment_id: str, *, amount: int, reference: str, note: str = "") -> Refund:
    """Money that the provider gave back without us, at its dashboard perhaps, is on record as a completed
    refund, and the order's agent hears of it.

    `reference` is the provider's own id of it; one that we asked for ourselves is answered as it is.
    Raises OrderNotFound, NotCaptured, Invalid, and MoreThanCaptured when the books cannot both be right.
    Repeatable. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        payment = Payment.objects.select_for_update().filter(pk=payment_id).first()
        order_id = Order.objects.filter(payment=payment_id).values_list("pk", flat=True).first()
        if payment is None or order_id is None:
            raise OrderNotFound
        texts.needed(reference, "reference", LONGEST_KEY - 6)
        known = Refund.objects.filter(payment=payment, reference=reference).first()
        if known is not None:
            return known
        if payment.state != PaymentState.CAPTURED:
            raise NotCaptured
        texts.amount(amount, LARGEST_AMOUNT)
        _count(payment, amount)
        refund = _written(
            payment,
            orders.locked(order_id),
            f"found:{reference}",
            amount,
            {},
            note,
            "",
            PROVIDER,
            state=RefundState.COMPLETED,
            reference=reference,
        )
        orders.changed(order_id)
    return refund


def sweep(enough: Callable[[], bool] = lambda: False) -> None:
    """Refunds whose question is due were asked about, the longest due first, until it is `enough`. One that
    fails stops no other, but a provider that is down is left alone until the next sweep. Repeatable, also
    beside itself."""
    due = Refund.objects.filter(
        state__in=OPEN_REFUND, payment__state=PaymentState.CAPTURED, ask_at__lte=timezone.now()
    )
    for refund_id in list(due.order_by("ask_at").values_list("pk", flat=True)[:BATCH]):
        if enough():
            log.warning("the sweep ends before every refund is asked about; the next one goes on")
            return
        try:
            ask(refund_id)
        except ProviderUnavailable:
            log.warning("refund %s is still unknown: its provider does not answer", refund_id)
            return
        except Exception as problem:  # a part that breaks on one refund
            log.error("refund %s cannot be settled: %s", refund_id, type(problem).__name__)


def _count(payment: Payment, amount: int) -> None:
    """The statement that wins: what is to go back was taken, and has not gone back already."""
    room = Payment.objects.filter(pk=payment.pk, state=payment.state, amount__gte=F("refunded") + amount)
    if not room.update(refunded=F("refunded") + amount):
        raise MoreThanCaptured


def _written(
    payment: Payment,
    order: Order,
    key: str,
    amount: int,
    lines: Pieces,
    reason: str,
    description: str,
    actor: str,
    *,
    state: RefundState = RefundState.REQUESTED,
    reference: str = "",
) -> Refund:
    is_over = state == RefundState.COMPLETED
    adjustment, _ = adjustments.write(
        order,
        type=adjustments.REFUND,
        key=key,
        status=adjustments.COMPLETED if is_over else adjustments.PENDING,
        amount=amount,
        lines=lines,
        description=description,
        actor=actor,
    )
    refund = Refund(
        payment=payment,
        adjustment=adjustment,
        key=key,
        state=state,
        amount=amount,
        currency=payment.currency,
        reason=texts.text(reason, "reason", 200),
        actor=actor[:255],
        reference=reference,
        ask_at=timezone.now() + timedelta(seconds=DELAYS_SECONDS[0]),
    )
    refund.save(force_insert=True)
    moves.begin(refund, actor=actor[:255])
    return refund


def _fail(refund: Refund, why: str, *, actor: str) -> None:
    """The refund has failed, and its money may be asked for again. The payment's row is locked."""
    was = adjustments.COMPLETED if refund.state == RefundState.COMPLETED else adjustments.PENDING
    moves.move(refund, RefundState.FAILED, actor=actor, note=why[:255], failure=why[:64])
    Payment.objects.filter(pk=refund.payment_id).update(refunded=F("refunded") - refund.amount)
    adjustments.settle(Adjustment.objects.filter(refund=refund.pk), adjustments.FAILED, before=was)


def _tell(refund: Refund, status: str | None, **columns: Any) -> None:
    if status is not None:
        adjustments.settle(Adjustment.objects.filter(refund=refund.pk), status)
    orders.changed(Order.objects.values_list("pk", flat=True).get(payment=refund.payment_id), **columns)
