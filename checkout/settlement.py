"""What becomes of a payment outside its request: settling, capturing, undoing.

Each verb asks the provider and is repeatable by the payment's id. No transaction may be open.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from checkout import asked, authentication, cancellations, handing_over, moves, orders
from checkout.completion import PAID, PROVIDER, attempt_of, finish, judged, record
from checkout.errors import StateConflict
from checkout.models import CheckoutSession, Order, Payment
from checkout.opening import touch
from checkout.ports import (
    ActionRequired,
    Authorized,
    Declined,
    GivenUp,
    Outcome,
    Refunded,
    Unknown,
    ports,
)
from checkout.services import unsealed
from checkout.states import PaymentState, SessionState
from interventions import failpoints
from interventions import services as interventions

log = logging.getLogger("agentic.settlement")

SYSTEM = "system"
OVER = (PaymentState.DECLINED, PaymentState.VOIDED)
"""Nothing of it may be kept, whatever its provider makes of it later."""


PENDING_SECONDS = 6 * 3600
"""So often it is looked whether money that is on its way back has arrived."""
MOST_LOOKS = 60
"""And no more often: 15 days."""


class CaptureRefused(GivenUp):
    """Authorized money will never be taken; an operator must look at the order."""


class RefundFailed(GivenUp):
    """Money that belongs to no order could not be given back; an operator must send it another way."""


class RefundStuck(GivenUp):
    """Money that belongs to no order has been on its way back for too long."""


def settle(payment_id: str) -> None:
    """What the provider knows of the payment is recorded, and the order placed if it is paid.

    Safe beside a running `complete`: whoever is first wins. An attempt the provider has never
    heard of is closed once nobody has touched it for `attempt_seconds`, longer than any call
    can take. One that turns out paid long after its session's deadline is given back
    (reliability-security 1.2). One that waits for a person is given up once their time is over or
    they said no; what agents and browsers claim is no input (decision 20). Raises
    ProviderUnavailable.
    """
    payment = Payment.objects.select_related("session").get(pk=payment_id)
    session = payment.session
    if payment.state == PaymentState.REQUIRES_ACTION:
        try:
            _ask_again(session, payment)
        except StateConflict:
            return
    elif payment.state == PaymentState.PROCESSING:
        edge = timezone.now() - timedelta(seconds=ports().rules.attempt_seconds)
        answer = _known(session, payment)
        try:
            if not isinstance(answer, Unknown):
                record(session, payment, judged(payment, answer), seal=unsealed)
            elif payment.updated_at <= edge:
                refusal = Declined("not_attempted", "The payment was not carried out. Try again.")
                record(session, payment, refusal, seal=unsealed, untouched_since=edge)
        except StateConflict:
            return
    if payment.state in PAID and session.state == SessionState.COMPLETING:
        late = timezone.now() > session.expires_at + timedelta(seconds=ports().rules.hold_seconds)
        with suppress(StateConflict):  # somebody else ended it meanwhile, one way or the other
            if late:
                _give_back(session, payment)
            else:
                finish(session, payment, actor=SYSTEM, seal=unsealed)


def _ask_again(session: CheckoutSession, payment: Payment) -> None:
    """Somebody may have acted: the provider says. Raises StateConflict when it went on meanwhile."""
    answer = _known(session, payment)
    if isinstance(answer, Authorized | Declined):
        record(session, payment, answer, seal=unsealed)
        return
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.locked(session.id)
        found = authentication.awaited(session)
        if found is None or authentication.lapse(session, timezone.now()):
            return
        if interventions.denied(found["id"]):
            authentication.give_up(session, actor=SYSTEM, code="refused", problem=asked.unauthenticated())
        else:
            touch(payment)


def _known(session: CheckoutSession, payment: Payment) -> Outcome | Unknown:
    attempt = attempt_of(payment, demanded=authentication.demanded(session))
    return ports().payments.retrieve(attempt)


def capture(payment_id: str) -> None:
    """The authorized money is taken, unless its order was canceled.

    Raises ProviderUnavailable, which is to be tried again, and CaptureRefused when the provider will not
    pay after all: the order is then canceled, or in review when goods are on their way
    (`cancellations.unpayable`).
    """
    payment = Payment.objects.get(pk=payment_id)
    canceled = Order.objects.filter(payment=payment_id, status=orders.CANCELED)
    if payment.state != PaymentState.AUTHORIZED or canceled.exists():
        return
    attempt = attempt_of(payment)
    failpoints.reach("capture.send.before")
    outcome = ports().payments.capture(attempt, payment.reference)
    failpoints.reach("capture.send.after")
    if isinstance(outcome, Declined) and not _taken(ports().payments.retrieve(attempt)):
        cancellations.unpayable(payment.id, outcome.code)
        raise CaptureRefused(outcome.code)
    try:
        with transaction.atomic(durable=True):
            moves.move(payment, PaymentState.CAPTURED, actor=PROVIDER)
            cancellations.paid(payment.id)
    except StateConflict:
        log.info("payment %s was captured by somebody else", payment.id)


def _taken(known: Outcome | Unknown) -> bool:
    """The money was taken before, and nobody heard of it: a refusal is final only without that."""
    return isinstance(known, Authorized) and known.captured


def undo(payment_id: str, looks: int = 0) -> None:
    """Money that belongs to no order is not kept: voided, or refunded if it was captured.

    A payment that has its order, or may still get one, is left alone. A refund that takes its time is
    looked at again, up to MOST_LOOKS times of which `looks` were before. Raises ProviderUnavailable,
    and RefundFailed and RefundStuck, after which only a person can help.
    """
    payment = Payment.objects.select_related("session").get(pk=payment_id)
    running = payment.state != PaymentState.DECLINED and payment.session.state == SessionState.COMPLETING
    if running or Order.objects.filter(payment=payment).exists():
        return
    attempt = attempt_of(payment)
    match ports().payments.retrieve(attempt):
        case Authorized(reference, captured=True):
            key = f"undo:{payment.id}"
            log.warning("payment %s, which has no order, is refunded", payment.id)
            refunded = ports().payments.refund(attempt, reference, amount=payment.amount, key=key)
            _follow(payment, refunded, looks)
        case Authorized(reference) | ActionRequired(reference):
            log.warning("payment %s, which has no order, is voided", payment.id)
            ports().payments.void(attempt, reference)


def _follow(payment: Payment, refunded: Refunded, looks: int) -> None:
    if refunded.state == "completed":
        return
    log.error("the refund of payment %s, which has no order, is %s", payment.id, refunded.state)
    if refunded.state == "failed":
        raise RefundFailed
    if looks >= MOST_LOOKS:
        raise RefundStuck
    due = timezone.now() + timedelta(seconds=PENDING_SECONDS)
    with transaction.atomic(durable=True):
        ports().outbox.add("checkout.undo", {"payment": payment.id, "looks": looks + 1}, due)


def _give_back(session: CheckoutSession, payment: Payment) -> None:
    """Paid too late: the session is expired, the stock free, and the money on its way back."""
    with transaction.atomic(durable=True):
        moves.move(session, SessionState.OPEN, actor=SYSTEM, note="paid after the deadline")
        moves.move(session, SessionState.EXPIRED, actor=SYSTEM, note="deadline")
        if payment.state == PaymentState.AUTHORIZED:
            moves.move(payment, PaymentState.VOIDED, actor=SYSTEM, note="deadline")
        ports().inventory.release(payment.id)
        handing_over.lapse(session, actor=SYSTEM)
        ports().outbox.add("checkout.undo", {"payment": payment.id})
