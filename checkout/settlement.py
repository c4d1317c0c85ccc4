"""What becomes of a payment outside its request: settling, capturing, undoing.

Each verb asks the provider and is repeatable by the payment's id. No transaction may be open.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from checkout import moves
from checkout.completion import PAID, PROVIDER, attempt_of, finish, record
from checkout.errors import StateConflict
from checkout.models import CheckoutSession, Order, Payment
from checkout.ports import ActionRequired, Authorized, Declined, Unknown, ports
from checkout.services import unsealed
from checkout.states import PaymentState, SessionState

log = logging.getLogger("agentic.settlement")

SYSTEM = "system"


class CaptureRefused(Exception):
    """Authorized money could not be taken; an operator must look at the order."""


def settle(payment_id: str) -> None:
    """What the provider knows of the payment is recorded, and the order placed if it is paid.

    Safe beside a running `complete`: whoever is first wins. An attempt the provider has never
    heard of is closed once nobody has touched it for `attempt_seconds`, longer than any call
    can take. One that turns out paid long after its session's deadline is given back
    (reliability-security 1.2). Raises ProviderUnavailable.
    """
    payment = Payment.objects.select_related("session").get(pk=payment_id)
    session = payment.session
    if payment.state == PaymentState.PROCESSING:
        edge = timezone.now() - timedelta(seconds=ports().rules.attempt_seconds)
        answer = ports().payments.retrieve(attempt_of(payment))
        try:
            if not isinstance(answer, Unknown):
                record(session, payment, answer, seal=unsealed)
            elif payment.updated_at <= edge:
                refusal = Declined("not_attempted", "The payment was not carried out. Try again.")
                record(session, payment, refusal, seal=unsealed, untouched_since=edge)
        except StateConflict:
            return
    if payment.state in PAID and session.state == SessionState.COMPLETING:
        if timezone.now() > session.expires_at + timedelta(seconds=ports().rules.hold_seconds):
            _give_back(session, payment)
        else:
            finish(session, payment, actor=SYSTEM, seal=unsealed)


def capture(payment_id: str) -> None:
    """The authorized money is taken.

    Raises ProviderUnavailable, and CaptureRefused when the provider will not pay after all.
    """
    payment = Payment.objects.get(pk=payment_id)
    if payment.state != PaymentState.AUTHORIZED:
        return
    outcome = ports().payments.capture(attempt_of(payment), payment.reference)
    if isinstance(outcome, Declined):
        raise CaptureRefused(outcome.code)
    try:
        with transaction.atomic(durable=True):
            moves.move(payment, PaymentState.CAPTURED, actor=PROVIDER)
    except StateConflict:
        log.info("payment %s was captured by somebody else", payment.id)


def undo(payment_id: str) -> None:
    """Money that belongs to no order is not kept: voided, or refunded if it was captured.

    A payment that has its order, or may still get one, is left alone. Raises ProviderUnavailable.
    """
    payment = Payment.objects.select_related("session").get(pk=payment_id)
    running = payment.state != PaymentState.DECLINED and payment.session.state == SessionState.COMPLETING
    if running or Order.objects.filter(payment=payment).exists():
        return
    attempt = attempt_of(payment)
    match ports().payments.retrieve(attempt):
        case Authorized(reference, captured=True):
            ports().payments.refund(attempt, reference, amount=payment.amount, key=f"undo:{payment.id}")
        case Authorized(reference) | ActionRequired(reference):
            ports().payments.void(attempt, reference)


def _give_back(session: CheckoutSession, payment: Payment) -> None:
    """Paid too late: the session is expired, the stock free, and the money on its way back."""
    with transaction.atomic(durable=True):
        moves.move(session, SessionState.OPEN, actor=SYSTEM, note="paid after the deadline")
        moves.move(session, SessionState.EXPIRED, actor=SYSTEM, note="deadline")
        if payment.state == PaymentState.AUTHORIZED:
            moves.move(payment, PaymentState.VOIDED, actor=SYSTEM, note="deadline")
        ports().inventory.release(payment.id)
        ports().outbox.add("checkout.undo", {"payment": payment.id})
