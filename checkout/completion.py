"""Paying for a session: claim, call the provider, record, place the order (decision 36).

    P1  session completing, stock held, Payment written        one transaction
        provider.authorize                                     none open
    P2  the provider's answer recorded                         one transaction
    P3  order, session completed, stock sold, effects, answer  one transaction

A crash after any of them is picked up by the same request again, or by `settlement`. An unknown
outcome stays unknown until the provider says; the agent's word completes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from checkout import moves, obligations, pricing
from checkout.errors import AddressChanged, InterventionRequired, SessionClosed, StateConflict
from checkout.models import CheckoutSession, Order, Payment
from checkout.payments import tenders
from checkout.ports import (
    ActionRequired,
    Attempt,
    Authorized,
    Declined,
    Instrument,
    Outcome,
    Short,
    ports,
)
from checkout.services import Seal, apply, is_open, reprice, write
from checkout.states import PaymentState, SessionState
from interventions.prepared import insert

log = logging.getLogger("agentic.completion")

PROVIDER = "provider"

ASK_AGAIN = 10
"""An attempt that was given up is asked about once more after so many times `attempt_seconds`."""

PAID = (PaymentState.AUTHORIZED, PaymentState.CAPTURED)


def unclaimed() -> None:
    """Nobody can take this over: for callers that hold no claim."""


@dataclass(frozen=True, slots=True)
class Tender:
    """What the agent pays with, and under which claim it may come back for the answer."""

    instrument: Instrument
    claim: str
    resumed: bool = False
    """The same request was started before and its answer was lost."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    approval: bool = False
    """The agent says that somebody has to approve the payment first."""
    still: Callable[[], None] = unclaimed
    """Raises when a later request has taken the claim over; called before anything is opened."""


def complete(session_id: str, tender: Tender, *, owner: str, seal: Seal) -> CheckoutSession:
    """The session is paid and has its order, or says in its problems why not.

    Nothing is charged when the price or the stock changed since the agent last saw it: the
    session comes back with the new quote (ACP-039, decision 25), nor before the merchant approved
    what it wants to approve (decision 23). A declined payment leaves the
    session open with a problem `payment_declined` (ACP-036). Raises NotFound, SessionClosed,
    CompletionRunning while another attempt runs, AddressChanged, and ProviderUnavailable when
    the outcome is not known: the same claim may come again and goes on where this one stopped.
    No transaction may be open.
    """
    opened = _open_attempt(session_id, tender, owner=owner, seal=seal)
    session, payment = opened.session, opened.payment
    if payment is None:
        return session
    if payment.state == PaymentState.PROCESSING:
        outcome = ports().payments.authorize(attempt_of(payment, tender.instrument))
        try:
            record(session, payment, outcome, seal=seal)
        except StateConflict:
            # Somebody asked the provider at the same time and was quicker; what they heard counts.
            payment.refresh_from_db()
            if payment.state not in PAID:
                raise
        if payment.state == PaymentState.DECLINED:
            return session
    return finish(session, payment, actor=owner, seal=seal)


def record(
    session: CheckoutSession,
    payment: Payment,
    outcome: Outcome,
    *,
    seal: Seal,
    untouched_since: datetime | None = None,
) -> None:
    """The provider's answer is stored (P2). A refusal reopens the session and frees the stock.

    Raises StateConflict when somebody else recorded an outcome first, or touched the payment
    after `untouched_since`; money authorized for an attempt that had been given up is then
    queued to be given back.
    """
    try:
        with transaction.atomic(durable=True):
            match outcome:
                case Authorized(reference, captured):
                    moves.move(payment, PaymentState.AUTHORIZED, actor=PROVIDER, reference=reference)
                    if captured:
                        moves.move(payment, PaymentState.CAPTURED, actor=PROVIDER)
                case Declined():
                    _decline(session, payment, outcome, untouched_since)
                    seal(session)
                case ActionRequired(reference):
                    # No intervention can carry a person through this yet, so nothing may be charged.
                    moves.move(payment, PaymentState.REQUIRES_ACTION, actor=PROVIDER, reference=reference)
                    _decline(session, payment, Declined("authentication_required", "", reference))
                    ports().outbox.add("checkout.undo", {"payment": payment.id})
                    seal(session)
    except StateConflict:
        _undo_if_late(payment, outcome)
        raise


def finish(session: CheckoutSession, payment: Payment, *, actor: str, seal: Seal) -> CheckoutSession:
    """The paid session has its one order (P3): stock sold, effects queued, answer sealed.

    Repeatable: a session that was finished meanwhile is answered as it stands.
    """
    try:
        with transaction.atomic(durable=True):
            moves.move(session, SessionState.COMPLETED, actor=actor)
            session.order = _place_order(session, payment)
            ports().inventory.commit(payment.id)
            ports().outbox.add("checkout.place_order", {"order": session.order.id})
            if payment.state == PaymentState.AUTHORIZED and ports().rules.capture == "at_once":
                ports().outbox.add("checkout.capture", {"payment": payment.id})
            seal(session)
    except StateConflict:
        with transaction.atomic(durable=True):
            session = CheckoutSession.objects.locked(session.id)
            if session.state != SessionState.COMPLETED:
                raise
            seal(session)
    return session


@dataclass(frozen=True, slots=True)
class _Opened:
    session: CheckoutSession
    payment: Payment | None


def _open_attempt(session_id: str, tender: Tender, *, owner: str, seal: Seal) -> _Opened:
    """P1, or what an earlier run of the same claim left; payment is None when all is answered."""
    closed = False
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.of(owner).locked(session_id)
        tender.still()
        if tender.resumed and (earlier := _earlier(session, tender.claim)):
            return _resume(session, earlier, seal)
        if is_open(session):
            payment = _open_fresh(session, tender, owner=owner)
            if payment is None:
                seal(session)
        else:
            closed = True
    if closed:
        raise SessionClosed
    return _Opened(session, payment)


def _earlier(session: CheckoutSession, claim: str) -> Payment | None:
    return session.payments.filter(claim=claim).order_by("-created_at").first()


def _resume(session: CheckoutSession, payment: Payment, seal: Seal) -> _Opened:
    finished = session.state == SessionState.COMPLETED or payment.state == PaymentState.DECLINED
    if finished:
        seal(session)
    elif session.state != SessionState.COMPLETING:
        raise SessionClosed
    elif payment.state == PaymentState.PROCESSING:
        touch(payment)
    return _Opened(session, None if finished else payment)


def _open_fresh(session: CheckoutSession, tender: Tender, *, owner: str) -> Payment | None:
    """A new attempt on the locked, open session, or None with the reasons in its quote."""
    if obligations.waiting(session):
        raise InterventionRequired(param="$.intervention_response")
    shown = session.total
    details = tender.changes.get("fulfillment_details") or {}
    if "address" in details and details["address"] != (session.fulfillment_details or {}).get("address"):
        raise AddressChanged(param="$.fulfillment_details.address")
    apply(session, tender.changes)
    reprice(session)
    refusal = _refusal(session, tender, shown)
    if refusal is not None:
        session.quote["problems"].append(refusal)
    if refusal is not None or not session.quote["ready"] or not obligations.sanctioned(session):
        write(session)
        return None
    payment = Payment(
        session=session,
        amount=session.total,
        currency=session.currency,
        handler_id=tender.instrument.handler_id,
        claim=tender.claim,
    )
    until = timezone.now() + timedelta(seconds=ports().rules.hold_seconds)
    held = ports().inventory.hold(payment.id, pricing.wanted(session.quote), until=until)
    if isinstance(held, Short):
        session.quote["problems"] += pricing.short_of(held.product_ids, session.quote)
        session.quote["ready"] = False
        write(session)
        return None
    content = ("buyer", "fulfillment_details", "extras", "quote", "total")
    in_time = {"expires_at__gt": timezone.now()}
    insert([payment])
    moves.move(
        session,
        SessionState.COMPLETING,
        actor=owner,
        only=in_time,
        beginning=payment,
        **{name: getattr(session, name) for name in content},
    )
    return payment


def _refusal(session: CheckoutSession, tender: Tender, shown: int) -> pricing.Problem | None:
    """Why this tender is not taken although the session could be paid."""
    refused = tenders.refusal(session, tender.instrument, approval=tender.approval)
    if refused is not None:
        return refused
    if session.quote["ready"] and session.total != shown:
        text = gettext_noop("The price changed. Nothing was charged; complete again to pay the new total.")
        return pricing.problem(
            "warning", "price_change", text, param="$.totals", resolution="requires_buyer_review"
        )
    return None


def _decline(
    session: CheckoutSession, payment: Payment, refusal: Declined, untouched_since: datetime | None = None
) -> None:
    CheckoutSession.objects.locked(session.id)  # locks go session, payment, stock, everywhere
    moves.move(
        payment,
        PaymentState.DECLINED,
        actor=PROVIDER,
        note=refusal.code[:255],
        only={"updated_at__lte": untouched_since} if untouched_since else None,
        decline_code=refusal.code[:64],
        reference=refusal.reference,
    )
    ports().inventory.release(payment.id)
    text = refusal.message or gettext_noop("The payment was declined. Try another way to pay.")
    where = "$.payment_data.instrument.credential"
    declined = pricing.problem("error", "payment_declined", text, param=where, blocking=False)
    quote = {**session.quote, "problems": [*session.quote["problems"], declined]}
    if untouched_since is not None:
        ports().outbox.add("checkout.undo", {"payment": payment.id}, _later())
    moves.move(session, SessionState.OPEN, actor=PROVIDER, note="payment declined", quote=quote)


def _place_order(session: CheckoutSession, payment: Payment) -> Order:
    extras = session.extras
    metadata = extras.get("metadata")
    reference = metadata.get("client_reference_id") if isinstance(metadata, Mapping) else None
    order = Order(
        session=session,
        payment=payment,
        owner=session.owner,
        amount=payment.amount,
        currency=payment.currency,
        quote=session.quote,
        buyer=session.buyer,
        fulfillment_details=session.fulfillment_details,
        notes=extras.get("order_notes") or "",
        client_reference=reference[:255] if isinstance(reference, str) else "",
    )
    insert([order])
    return order


def attempt_of(payment: Payment, instrument: Instrument | None = None) -> Attempt:
    """The payment as its provider knows it."""
    return Attempt(payment.id, payment.session_id, payment.amount, payment.currency, instrument)


def touch(payment: Payment) -> None:
    """Whoever would give the payment up for want of an answer waits again from now on."""
    payment.updated_at = timezone.now()
    Payment.objects.filter(pk=payment.pk, state=payment.state).update(updated_at=payment.updated_at)


def _later() -> datetime:
    """When whatever a sleeping request may still do to a given-up attempt is known."""
    return timezone.now() + timedelta(seconds=ASK_AGAIN * ports().rules.attempt_seconds)


def _undo_if_late(payment: Payment, outcome: Outcome) -> None:
    """Money authorized for an attempt that had been given up is queued to be given back."""
    if not isinstance(outcome, Authorized | ActionRequired):
        return
    payment.refresh_from_db()
    if payment.state == PaymentState.DECLINED:
        log.warning("payment %s was authorized after it had been given up; it will be undone", payment.id)
        with transaction.atomic(durable=True):
            Payment.objects.filter(pk=payment.pk).update(reference=outcome.reference)
            ports().outbox.add("checkout.undo", {"payment": payment.id})
