"""Paying for a session: claim, call the provider, record, place the order (decision 36).

    P1  session completing, stock held, Payment written        one transaction
        provider.authorize, or resume with what an agent brings  none open
    P2  the provider's answer recorded                         one transaction
    P3  order, session completed, stock sold, effects, answer  one transaction

When a person must act first, P2 leaves the payment waiting for them (`checkout.authentication`).

A crash after any of them is picked up by the same request again, or by `settlement`. An unknown
outcome stays unknown until the provider says; the agent's word completes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from checkout import (
    asked,
    authentication,
    handing_over,
    moves,
    opening,
    orders,
    pricing,
    questioning,
    recurring,
)
from checkout.errors import CompletionRunning, StateConflict
from checkout.models import CheckoutSession, Order, Payment
from checkout.opening import Tender
from checkout.payments import results
from checkout.ports import (
    ActionRequired,
    Attempt,
    Authorized,
    Declined,
    Instrument,
    Outcome,
    ports,
)
from checkout.services import Seal
from checkout.states import PaymentState, SessionState
from interventions import failpoints
from interventions.prepared import insert
from interventions.states import InterventionState

log = logging.getLogger("agentic.completion")

PROVIDER = "provider"

ASK_AGAIN = (1, 10, 1440)
"""An attempt that was given up is asked about again after so many times `attempt_seconds`: with the
defaults after a minute, ten, and a day. Its call may have been carried out late."""

UNAUTHENTICATED = "not_authenticated"
"""Why we decline what a provider may still authorize; it is then undone."""

PAID = (PaymentState.AUTHORIZED, PaymentState.CAPTURED)


def complete(session_id: str, tender: Tender, *, owner: str, seal: Seal) -> CheckoutSession:
    """The session is paid and has its order, or says in its problems why not.

    Nothing is charged when the price or the stock changed since the agent last saw it: the
    session comes back with the new quote (ACP-039, decision 25), nor before the merchant approved
    what it wants to approve (decision 23). A declined payment leaves the
    session open with a problem `payment_declined` (ACP-036). A payment for which a person must act
    waits for them, and the session says how they are reached; complete comes again with what the
    agent brings of it (ACP-035), and goes on with the same attempt and its own instrument.
    Raises NotFound, SessionClosed, CompletionRunning while another attempt runs, AddressChanged,
    InterventionRequired, AuthenticationMissing, Invalid, and ProviderUnavailable when
    the outcome is not known: the same claim may come again and goes on where this one stopped.
    No transaction may be open.
    """
    opened = opening.open_attempt(session_id, tender, owner=owner, seal=seal)
    session, payment = opened.session, opened.payment
    if payment is None:
        return session
    if payment.state == PaymentState.PROCESSING:
        failpoints.reach("complete.send.before")
        _in_time(payment)
        outcome = _asked(session, payment, tender)
        failpoints.reach("complete.send.after")
        try:
            record(session, payment, outcome, seal=seal, still=tender.still)
        except StateConflict:
            # Somebody asked the provider at the same time and was quicker; what they heard counts,
            # unless it was that a person must act, and we have heard what came of it.
            payment.refresh_from_db()
            if payment.state == PaymentState.REQUIRES_ACTION:
                if isinstance(outcome, ActionRequired):
                    return _as_it_stands(session.id, seal)
                record(session, payment, outcome, seal=seal, still=tender.still)
            elif payment.state == PaymentState.DECLINED and isinstance(outcome, Declined):
                return _as_it_stands(session.id, seal)
            elif payment.state not in PAID:
                raise
        if payment.state not in PAID:
            return session
    return finish(session, payment, actor=tender.actor or owner, seal=seal)


def _in_time(payment: Payment) -> None:
    """The call ends before anybody gives the attempt up. Raises CompletionRunning in a request that slept
    since it opened the attempt: money would come after it (T69)."""
    rules = ports().rules
    left = max(rules.attempt_seconds - rules.payment_seconds, rules.attempt_seconds / 2)
    if timezone.now() > payment.updated_at + timedelta(seconds=left):
        raise CompletionRunning


def _asked(session: CheckoutSession, payment: Payment, tender: Tender) -> Outcome:
    """What the provider says of the new attempt, or of what the agent brings for one that waited."""
    attempt = attempt_of(payment, tender.instrument, demanded=authentication.demanded(session))
    result = tender.authentication
    if result is None or not payment.challenged:
        return ports().payments.authorize(attempt)
    if result["outcome"] in results.UNABLE and ports().rules.unauthenticated == "decline":
        attempt = replace(attempt, authentication_required=True)
    return judged(payment, ports().payments.resume(replace(attempt, instrument=None), result))


def judged(payment: Payment, outcome: Outcome) -> Outcome:
    """What the provider's answer comes to, after what the agent brought for the payment (ACP-171)."""
    if payment.brought in ("", *results.PROVEN) or isinstance(outcome, Declined):
        return outcome
    if payment.brought in results.UNABLE and isinstance(outcome, Authorized):
        seen = outcome.authenticated or ports().rules.unauthenticated == "authorize"
        return outcome if seen else _unauthenticated(outcome)
    # The person said no, or could not be asked, whatever the provider makes of it.
    return _unauthenticated(outcome)


def _unauthenticated(outcome: Authorized | ActionRequired) -> Declined:
    return Declined(UNAUTHENTICATED, asked.unauthenticated()["content"], outcome.reference)


def record(
    session: CheckoutSession,
    payment: Payment,
    outcome: Outcome,
    *,
    seal: Seal,
    still: Callable[[], None] = opening.unclaimed,
    untouched_since: datetime | None = None,
) -> None:
    """The provider's answer is stored (P2). A refusal reopens the session and frees the stock.

    `still` raises when a later request has taken the claim over; nothing is then stored, the later one
    asks for itself.

    Raises StateConflict when somebody else recorded an outcome first, or touched the payment
    after `untouched_since`; money authorized for an attempt that had been given up is then
    queued to be given back, and so is money for which its holder said no at our page.
    """
    try:
        with transaction.atomic(durable=True):
            match outcome:
                case Authorized() if authentication.demanded(session) and not outcome.authenticated:
                    _decline(session, payment, _unauthenticated(outcome))
                    seal(session)
                case Authorized():
                    _authorize(session, payment, outcome, still)
                case Declined():
                    _decline(session, payment, outcome, untouched_since)
                    seal(session)
                case ActionRequired():
                    _locked(session)
                    problem = authentication.ask(session, payment, outcome, actor=PROVIDER)
                    if problem is not None:
                        refusal = Declined(UNAUTHENTICATED, reference=outcome.reference)
                        _decline(session, payment, refusal, problem=problem)
                    seal(session)
            failpoints.reach("complete.record.before")
        failpoints.reach("complete.record.after")
    except authentication.SaidNo:
        payment.refresh_from_db()
        assert isinstance(outcome, Authorized)
        record(session, payment, _unauthenticated(outcome), seal=seal)
    except Exception:
        # We lost the race or the claim: what was authorized for an attempt given up is not forgotten.
        _undo_if_late(payment, outcome)
        raise


def finish(session: CheckoutSession, payment: Payment, *, actor: str, seal: Seal) -> CheckoutSession:
    """The paid session has its one order (P3): stock sold, effects queued, answer sealed.

    Repeatable: a session that was finished meanwhile is answered as it stands.
    """
    try:
        with transaction.atomic(durable=True):
            session.quote.pop(authentication.QUOTED, None)
            moves.move(session, SessionState.COMPLETED, actor=actor)
            session.order = _place_order(session, payment)
            ports().inventory.commit(payment.id)
            handing_over.paid(session, actor=actor)
            questioning.drop(session)
            seal(session)
            failpoints.reach("complete.finish.before")
        failpoints.reach("complete.finish.after")
    except StateConflict:
        with transaction.atomic(durable=True):
            session = CheckoutSession.objects.locked(session.id)
            if session.state != SessionState.COMPLETED:
                raise
            seal(session)
    return session


def _locked(session: CheckoutSession) -> None:
    """The session in memory is what the database holds, and locked: locks go session, payment,
    stock, intervention, everywhere."""
    now = CheckoutSession.objects.locked(session.id)
    session.state, session.quote = now.state, now.quote


def _as_asked(payment: Payment) -> dict[str, str]:
    """Nobody heard of a challenge since the provider was asked: it may be processing again, for a proof,
    and an answer from before that is out of date."""
    return {"reference": payment.reference}


def _authorize(
    session: CheckoutSession, payment: Payment, outcome: Authorized, still: Callable[[], None]
) -> None:
    challenged = payment.challenged
    if challenged:
        _locked(session)
    # Before the payment: whoever takes over holds session and claim before it touches the payment.
    still()
    shift = {True: "confirmed", False: "not_confirmed", None: ""}[outcome.liability_shift]
    moves.move(
        payment,
        PaymentState.AUTHORIZED,
        actor=PROVIDER,
        only=_as_asked(payment),
        reference=outcome.reference,
        liability_shift=shift,
    )
    if outcome.captured:
        moves.move(payment, PaymentState.CAPTURED, actor=PROVIDER)
    if challenged:
        authentication.concluded(session, payment, InterventionState.PASSED, actor=PROVIDER)


def _decline(
    session: CheckoutSession,
    payment: Payment,
    refusal: Declined,
    untouched_since: datetime | None = None,
    *,
    problem: pricing.Problem | None = None,
) -> None:
    _locked(session)
    challenged = payment.challenged
    moves.move(
        payment,
        PaymentState.DECLINED,
        actor=PROVIDER,
        note=refusal.code[:255],
        only=_as_asked(payment) | ({"updated_at__lte": untouched_since} if untouched_since else {}),
        decline_code=refusal.code[:64],
        reference=refusal.reference,
    )
    ports().inventory.release(payment.id)
    if challenged:
        authentication.concluded(session, payment, InterventionState.DENIED, actor=PROVIDER)
    if problem is None:
        text = refusal.message or gettext_noop("The payment was declined. Try another way to pay.")
        where = "$.payment_data.instrument.credential"
        problem = pricing.problem("error", "payment_declined", text, param=where, blocking=False)
    quote = {**session.quote, "problems": [*session.quote["problems"], problem]}
    if untouched_since is not None:
        for due in _later():
            ports().outbox.add("checkout.undo", {"payment": payment.id}, due)
    if refusal.code == UNAUTHENTICATED:
        ports().outbox.add("checkout.undo", {"payment": payment.id})
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
        **recurring.marks(session),
    )
    insert([order])
    at_once = payment.state == PaymentState.AUTHORIZED and ports().rules.capture == "at_once"
    orders.created(order, *([("checkout.capture", {"payment": payment.id})] if at_once else []))
    return order


def _as_it_stands(session_id: str, seal: Seal) -> CheckoutSession:
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.locked(session_id)
        seal(session)
    return session


def attempt_of(payment: Payment, instrument: Instrument | None = None, *, demanded: bool = False) -> Attempt:
    """The payment as its provider knows it; `demanded`: a policy wants 3-D Secure for it."""
    return Attempt(
        payment.id,
        payment.session_id,
        payment.amount,
        payment.currency,
        instrument,
        authentication_required=demanded,
        opened_at=payment.created_at,
    )


def _later() -> list[datetime]:
    """When to look whether a given-up attempt was made after all."""
    now, seconds = timezone.now(), ports().rules.attempt_seconds
    return [now + timedelta(seconds=times * seconds) for times in ASK_AGAIN]


def _undo_if_late(payment: Payment, outcome: Outcome) -> None:
    """Money authorized for an attempt that had been given up is queued to be given back."""
    if isinstance(outcome, Declined) and outcome.code != UNAUTHENTICATED:
        return
    payment.refresh_from_db()
    if payment.state == PaymentState.DECLINED:
        log.warning("payment %s was authorized after it had been given up; it will be undone", payment.id)
        with transaction.atomic(durable=True):
            Payment.objects.filter(pk=payment.pk).update(reference=outcome.reference)
            ports().outbox.add("checkout.undo", {"payment": payment.id})
