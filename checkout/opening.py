"""The first step of paying (P1): a new attempt is opened, or one goes on that ran or waited before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from checkout import asked, authentication, handing_over, moves, obligations, pricing
from checkout.asked import PAGES
from checkout.errors import (
    AddressChanged,
    AuthenticationMissing,
    HandedOver,
    InterventionRequired,
    SessionClosed,
)
from checkout.models import CheckoutSession, Payment
from checkout.payments import guard, results, tenders
from checkout.ports import Instrument, Short, ports
from checkout.services import Seal, apply, is_open, reprice, write
from checkout.states import PaymentState, SessionState
from interventions import failpoints
from interventions.prepared import insert


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
    authentication: Mapping[str, Any] | None = field(default=None, repr=False)
    """How 3-D Secure ended at the agent, if it brings a result: a claim for the provider to judge."""
    still: Callable[[], None] = unclaimed
    """Raises when a later request has taken the claim over; called before anything is opened."""
    payer: Callable[[], None] | None = field(default=None, kw_only=True)
    """A person pays, at our page: raises when it is not the one whom the session is handed over to.
    Called with the session locked. None: its agent pays."""
    actor: str = field(default="", kw_only=True)
    """Who pays, if not the session's owner."""
    shown: int | None = field(default=None, kw_only=True)
    """The total that the payer saw, if they were not answered the session's last one."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A payment to ask the provider about, or none when all is answered."""

    session: CheckoutSession
    payment: Payment | None


def open_attempt(session_id: str, tender: Tender, *, owner: str, seal: Seal) -> Opened:
    """P1, or what an earlier run of the same claim left; payment is None when all is answered."""
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.of(owner).locked(session_id)
        tender.still()
        if tender.payer is not None:
            tender.payer()
        opened = _opened(session, tender, owner=owner, seal=seal)
        failpoints.reach("complete.open.before")
    failpoints.reach("complete.open.after")
    if opened is None:
        raise SessionClosed
    return opened


def _opened(session: CheckoutSession, tender: Tender, *, owner: str, seal: Seal) -> Opened | None:
    """What the locked session comes to; None when its deadline passed, which is then written."""
    if tender.resumed and (earlier := _earlier(session, tender.claim)):
        return _resume(session, earlier, seal)
    if authentication.awaited(session) is not None:
        return _go_on(session, tender, owner=owner, seal=seal)
    if not is_open(session):
        return None
    if tender.payer is None and handing_over.is_handed_over(session):
        raise HandedOver
    payment = _open_fresh(session, tender, owner=owner)
    if payment is None:
        seal(session)
    return Opened(session, payment)


def _earlier(session: CheckoutSession, claim: str) -> Payment | None:
    return session.payments.filter(claim=claim).order_by("-created_at").first()


def _go_on(session: CheckoutSession, tender: Tender, *, owner: str, seal: Seal) -> Opened:
    """The locked session's payment waits for a person; what the agent brings of it, if that is asked."""
    payment = authentication.payment_of(session)
    found = authentication.asked_now(session, timezone.now())
    result = tender.authentication
    if found is None:
        authentication.lapse(session, timezone.now())
    elif found["road"] in PAGES:
        raise InterventionRequired(param="$.intervention_response")
    elif result is None:
        raise AuthenticationMissing(param=results.WHERE)
    elif result["outcome"] in results.LEFT:
        session.quote["problems"].append(asked.put_off())
    else:
        _same_address(session, tender)
        authentication.go_on(session, payment, result, tender.claim, owner)
        return Opened(session, payment)
    seal(session)
    return Opened(session, None)


def _resume(session: CheckoutSession, payment: Payment, seal: Seal) -> Opened:
    finished = session.state == SessionState.COMPLETED or payment.state in (
        PaymentState.DECLINED,
        PaymentState.REQUIRES_ACTION,
    )
    if finished:
        seal(session)
    elif session.state != SessionState.COMPLETING:
        raise SessionClosed
    elif payment.state == PaymentState.PROCESSING:
        touch(payment)
    return Opened(session, None if finished else payment)


def _open_fresh(session: CheckoutSession, tender: Tender, *, owner: str) -> Payment | None:
    """A new attempt on the locked, open session, or None with the reasons in its quote."""
    if obligations.waiting(session, tender.instrument.handler_id):
        raise InterventionRequired(param="$.intervention_response")
    shown = session.total if tender.shown is None else tender.shown
    _same_address(session, tender)
    apply(session, tender.changes)
    reprice(session, tender.instrument)
    refusal = _refusal(session, tender, shown)
    if refusal is not None:
        session.quote["problems"].append(refusal)
    # Whose turn it is, the policies may have changed since.
    theirs = handing_over.is_handed_over(session) == (tender.payer is not None)
    payable = refusal is None and session.quote["ready"] and theirs
    if not payable or not obligations.sanctioned(session, tender.instrument):
        write(session)
        return None
    now = timezone.now()
    payment = Payment(
        session=session,
        amount=session.total,
        currency=session.currency,
        handler_id=tender.instrument.handler_id,
        claim=tender.claim,
        created_at=now,
        updated_at=now,
    )
    guard.admit(ports().payments, payment.id)
    until = now + timedelta(seconds=ports().rules.hold_seconds)
    held = ports().inventory.hold(payment.id, pricing.wanted(session.quote), until=until)
    if isinstance(held, Short):
        session.quote["problems"] += pricing.short_of(held.product_ids, session.quote)
        session.quote["ready"] = False
        write(session)
        return None
    content = ("buyer", "fulfillment_details", "extras", "quote", "total")
    # Both clocks say so: ours may be behind, and the deadline is the database's to judge (T58).
    in_time = {"expires_at__gt": now, "expires_at__ahead": True}
    insert([payment])
    moves.move(
        session,
        SessionState.COMPLETING,
        actor=tender.actor or owner,
        only=in_time,
        beginning=payment,
        **{name: getattr(session, name) for name in content},
    )
    return payment


def _same_address(session: CheckoutSession, tender: Tender) -> None:
    details = tender.changes.get("fulfillment_details") or {}
    if "address" in details and details["address"] != (session.fulfillment_details or {}).get("address"):
        raise AddressChanged(param="$.fulfillment_details.address")


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


def touch(payment: Payment) -> None:
    """Whoever would give the payment up for want of an answer waits again from now on."""
    payment.updated_at = timezone.now()
    Payment.objects.filter(pk=payment.pk, state=payment.state).update(updated_at=payment.updated_at)
