"""A second look at what differs, and what the verbs of the checkout can put right. Never a new charge."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from checkout import cancellations, moves, orders, refunds, settlement
from checkout.completion import PAID, PROVIDER, attempt_of
from checkout.errors import ProviderUnavailable, StateConflict
from checkout.models import Break, Order, Payment, StateMove
from checkout.ports import Authorized, LedgerEntry, LedgerProvider, ports
from checkout.reconciliation import breaks, comparing, stuck
from checkout.reconciliation.comparing import Found
from checkout.reconciliation.kinds import HEALABLE, SOMETIMES_HEALABLE, Kind
from checkout.states import PaymentState, SessionState

log = logging.getLogger("agentic.reconciliation")

MOMENT = timedelta(seconds=1)
"""The finest grain that every provider's clock has."""

BY_QUEUE = frozenset({Kind.NOT_HANDED_OVER, Kind.NOT_CAPTURED, Kind.NOT_RELEASED, Kind.NOT_GIVEN_BACK})
"""What our own queue shows, and not the provider's books."""

NEW, KNOWN, HEALED, STALE, MOVING = "new", "known", "healed", "stale", "moving"


class NoLedger(Exception):
    """The payment provider's books cannot be read as a whole: it is no `ports.LedgerProvider`."""

    def __init__(self) -> None:
        super().__init__(
            "The payment provider keeps no ledger that can be read (it is no LedgerProvider): "
            "there is nothing to compare with."
        )


class Moving(Exception):
    """The payment moved a moment ago: what differs may be on its way."""


def ledger() -> LedgerProvider:
    """The provider's books. Raises NoLedger."""
    provider = ports().payments
    if not isinstance(provider, LedgerProvider):
        raise NoLedger
    return provider


def edge() -> datetime:
    """What moved after this is on its way, and no difference yet."""
    return timezone.now() - timedelta(seconds=ports().rules.reconcile_grace_seconds)


def examine(
    found: Found, *, found_at: datetime, heal: bool, fresh: bool = False, patient: bool = True
) -> str:
    """What differs was looked at again, kept as a break, and healed if it can be; says which.

    NEW or KNOWN: it stays open. HEALED: it was put right. STALE, MOVING: it is not there any more, was
    accepted, or is on its way; nothing was kept. Safe beside itself. Raises ProviderUnavailable
    when the books cannot be read. `fresh`: the books were read just now, and what names no attempt of
    ours is not read again, as nothing of ours can move. Not `patient`: what moved a moment ago counts as
    it stands. No transaction may be open.
    """
    sure = fresh and found.kind == Kind.CHARGED_WITHOUT_ATTEMPT
    try:
        again = found if sure else _again(found, edge() if patient else None)
    except Moving:
        return MOVING
    if again is None:
        return STALE
    try:
        row, new = breaks.keep(again, found_at=found_at)
    except breaks.Stale:
        return STALE
    if heal and again.kind in HEALABLE | SOMETIMES_HEALABLE and (done := _heal(again)):
        if _again(again, None) is None:
            breaks.healed(row, done)
            return HEALED
        breaks.seen(row)
    return NEW if new else KNOWN


def look_at(row: Break, *, heal: bool, patient: bool = True) -> str:
    """An open break was looked at by itself; its state afterwards: open, healed or gone.

    `patient` as for `examine`. Raises ProviderUnavailable when the books cannot be read. No transaction
    may be open.
    """
    names = list(Found.__dataclass_fields__)
    found = Found(**{name: getattr(row, name) for name in names})
    outcome = examine(found, found_at=timezone.now(), heal=heal, patient=patient)
    if outcome == MOVING:
        breaks.seen(row)
    elif outcome == STALE:
        breaks.gone(row)
    row.refresh_from_db()
    return row.state


def silent() -> QuerySet[Payment]:
    """Payments whose outcome nobody knows, or that are paid without an order, for too long."""
    moved = StateMove.objects.filter(subject=OuterRef("pk")).order_by("-pk").values("at")[:1]
    since = Coalesce(Subquery(moved, output_field=DateTimeField()), "created_at")
    waiting = Q(state=PaymentState.PROCESSING) | Q(state__in=PAID, session__state=SessionState.COMPLETING)
    return Payment.objects.filter(waiting).alias(since=since).filter(since__lte=edge()).order_by("pk")


def given_up() -> list[Found]:
    """Effects that nobody is at any more."""
    return stuck.every(edge())


def _again(found: Found, moved_before: datetime | None) -> Found | None:
    """The same difference as it is now; None when it is not there. Raises Moving when the payment moved
    after `moved_before`, and ProviderUnavailable."""
    if found.kind in BY_QUEUE:
        return next((one for one in stuck.every(edge(), found.subject) if one.kind == found.kind), None)
    if found.kind == Kind.UNKNOWN_FOR_TOO_LONG:
        row = silent().filter(pk=found.payment).first()
        return comparing.unknown(comparing.read([row.pk])[row.pk]) if row else None
    entry = _entry(found)
    attempt = entry.attempt_id if entry else found.payment
    ours = comparing.read([attempt]).get(attempt) if attempt else None
    if ours is not None and moved_before is not None and ours.moved_at > moved_before:
        raise Moving
    shared = ports().rules.reconcile_shared_account
    if entry is not None:
        now = comparing.differences(entry, ours, shared_account=shared)
    elif ours is not None and ours.order:
        payment = Payment.objects.get(pk=ours.payment)
        now = comparing.absences(ours, ports().payments.retrieve(attempt_of(payment)))
    else:
        now = []
    return next((one for one in now if (one.kind, one.subject) == (found.kind, found.subject)), None)


def _entry(found: Found) -> LedgerEntry | None:
    if found.entered_at is None:
        return None
    near = ledger().entries(found.entered_at, found.entered_at + MOMENT)
    return next((entry for entry in near if entry.reference == found.reference), None)


def _heal(found: Found) -> str:
    """What was done about it, in words; "" when nothing could be. The provider is asked, and whatever
    belongs to no order goes back to the buyer: nothing is ever authorized from here."""
    try:
        payment = Payment.objects.select_related("session").get(pk=found.payment)
        if found.kind == Kind.CAPTURED_UNKNOWN_TO_US:
            return _noted_capture(payment)
        if found.kind == Kind.REFUND_DIFFERS:
            return "recorded the refunds that have failed" if refunds.look_again(payment.pk) else ""
        unfinished = payment.state in (PaymentState.PROCESSING, PaymentState.REQUIRES_ACTION) or (
            payment.state in PAID and payment.session.state == SessionState.COMPLETING
        )
        if unfinished:
            settlement.settle(payment.pk)
            return "asked the provider, and recorded its answer"
        if found.kind in (Kind.VOID_MISSING, Kind.NOT_RELEASED) and found.order:
            return _let_go(payment)
        settlement.undo(payment.pk)
        return "asked the provider, and gave the money back"
    except ProviderUnavailable:
        log.warning("payment %s cannot be healed: its provider does not answer", found.payment)
    except Exception as problem:  # a part that breaks on one payment stops no other
        log.error("payment %s cannot be healed: %s", found.payment, type(problem).__name__)
    return ""


def _let_go(payment: Payment) -> str:
    """The authorization of a canceled order is void, and what was taken of it goes back."""
    if not (order_id := _canceled(payment)):
        return ""
    if payment.state == PaymentState.VOIDED:
        ports().payments.void(attempt_of(payment), payment.reference)
    else:
        cancellations.release(order_id)
    return "asked the provider, and let the money go"


def _canceled(payment: Payment) -> str:
    """The payment's order, if it is canceled; otherwise ""."""
    rows = Order.objects.filter(payment=payment.pk, status=orders.CANCELED)
    return rows.values_list("pk", flat=True).first() or ""


def _noted_capture(payment: Payment) -> str:
    """The provider is asked, and if it says that the money is taken, so do we."""
    answer = ports().payments.retrieve(attempt_of(payment))
    if not isinstance(answer, Authorized) or not answer.captured:
        return ""
    try:
        with transaction.atomic(durable=True):
            moves.move(payment, PaymentState.CAPTURED, actor=PROVIDER, note="by the provider's books")
            cancellations.paid(payment.pk)
            if order_id := _canceled(payment):
                ports().outbox.add(cancellations.RELEASE, {"order": order_id})
    except StateConflict:
        log.info("payment %s was captured by somebody else", payment.pk)
    return "recorded the capture"
