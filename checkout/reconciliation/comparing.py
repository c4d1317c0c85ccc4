"""The provider's entry beside our payment, and every way in which they differ. Nothing is written here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps

from checkout import orders
from checkout.models import Payment
from checkout.ports import Authorized, LedgerEntry, Outcome, Unknown
from checkout.reconciliation.kinds import Kind
from checkout.states import PaymentState, SessionState

NOWHERE = "nowhere"
"""The state of what the provider does not have."""

CANCELED = "canceled"
"""The status of an order that needs no money any more."""


@dataclass(frozen=True, slots=True)
class Ours:
    """A payment and what it led to, as our books have it."""

    payment: str
    session: str
    state: str
    amount: int
    currency: str
    reference: str
    order: str
    order_status: str
    order_amount: int
    other_order: str
    """The session's order, when it is of another payment."""
    refunded: int
    refunding: int
    """Given back, and perhaps given back: the provider has not said yet."""
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """One difference, with what both sides say."""

    kind: str
    subject: str
    payment: str = ""
    session: str = ""
    order: str = ""
    reference: str = ""
    ours_state: str = ""
    ours_amount: int | None = None
    ours_currency: str = ""
    theirs_state: str = ""
    theirs_amount: int | None = None
    theirs_currency: str = ""
    entered_at: datetime | None = None


def read(payment_ids: Iterable[str]) -> dict[str, Ours]:
    """What we know of the payments with these ids, in two queries; unknown ids are absent."""
    wanted = set(payment_ids)
    if not wanted:
        return {}
    back = refunds(wanted)
    found: dict[str, Ours] = {}
    rows: Iterable[Any] = (
        Payment.objects.filter(pk__in=wanted)
        .order_by()
        .values_list(
            "pk",
            "session_id",
            "state",
            "amount",
            "currency",
            "reference",
            "updated_at",
            "session__state",
            "session__updated_at",
            "session__order__pk",
            "session__order__payment_id",
            "session__order__status",
            "session__order__amount",
            "session__order__updated_at",
        )
    )
    for row in rows:
        pk, session, state, amount, currency, reference, moved_at, *rest = row
        session_state, session_moved_at, order, paid_by, status, order_amount, order_moved_at = rest
        if session_state == SessionState.COMPLETING:
            moved_at = max(moved_at, session_moved_at)
        if order:
            moved_at = max(moved_at, order_moved_at)
        own = paid_by == pk
        refunded, refunding = back.get(pk, (0, 0))
        found[pk] = Ours(
            payment=pk,
            session=session,
            state=state,
            amount=amount,
            currency=currency,
            reference=reference,
            order=order if own else "",
            order_status=status if own else "",
            order_amount=order_amount if own else 0,
            other_order=order if order and not own else "",
            refunded=refunded,
            refunding=refunding,
            moved_at=moved_at,
        )
    return found


def refunds(payment_ids: Iterable[str]) -> Mapping[str, tuple[int, int]]:
    """By payment: what our books say was given back, and what may have been, in one query.

    Nothing where no `Refund` is kept: then any refund of an order was made elsewhere.
    """
    model = apps.all_models["agentic_checkout"].get("refund")
    if model is None:
        return {}
    found: dict[str, tuple[int, int]] = {}
    rows = model._default_manager.filter(payment__in=payment_ids).exclude(state="failed")
    for payment, state, amount in rows.order_by().values_list("payment_id", "state", "amount"):
        done, waiting = found.get(payment, (0, 0))
        found[payment] = (done + amount, waiting) if state == "completed" else (done, waiting + amount)
    return found


def money(entry: LedgerEntry) -> int:
    """What the provider holds or took, and did not give back."""
    if entry.state == "authorized":
        return entry.amount
    return entry.captured - entry.refunded if entry.state == "captured" else 0


def taken(entry: LedgerEntry) -> int:
    """What the entry is for: the amount that is held, or that was captured."""
    return entry.captured if entry.state == "captured" else entry.amount


def differences(entry: LedgerEntry, ours: Ours | None, *, shared_account: bool = False) -> list[Found]:
    """How the entry and our payment differ; nothing when they agree.

    An attempt whose outcome we do not know is none of these: it is looked at by its age.
    """
    left = money(entry)
    if ours is None:
        foreign = shared_account and not entry.attempt_id
        return [_of(Kind.CHARGED_WITHOUT_ATTEMPT, entry, None)] if left and not foreign else []
    if ours.state == PaymentState.PROCESSING:
        return []
    if not ours.order:
        return [_of(_orderless(entry, ours), entry, ours)] if left else []
    if ours.reference and entry.reference != ours.reference:
        return [_of(Kind.CHARGED_TWICE, entry, ours)] if left else []
    if ours.state == PaymentState.VOIDED or ours.order_status == CANCELED:
        return _let_go(entry, ours)
    if entry.state not in ("authorized", "captured"):
        return [_of(Kind.ORDER_WITHOUT_CHARGE, entry, ours)]
    if entry.currency.lower() != ours.currency.lower():
        return [_of(Kind.CURRENCY_DIFFERS, entry, ours)]
    found = []
    if taken(entry) != ours.order_amount:
        found.append(_of(Kind.AMOUNT_DIFFERS, entry, ours))
    if ours.state == PaymentState.CAPTURED and entry.state == "authorized":
        found.append(_of(Kind.CAPTURE_MISSING, entry, ours))
    if ours.state == PaymentState.AUTHORIZED and entry.state == "captured":
        found.append(_of(Kind.CAPTURED_UNKNOWN_TO_US, entry, ours))
    return found + _of_refunds(entry, ours)


def absences(ours: Ours, answer: Outcome | Unknown) -> list[Found]:
    """How a payment differs that no entry was found for, and of which the provider says `answer`."""
    if not isinstance(answer, Authorized):
        theirs = NOWHERE if isinstance(answer, Unknown) else type(answer).__name__.lower()
        needs_money = ours.state != PaymentState.VOIDED and ours.order_status != CANCELED
        return [without_entry(Kind.ORDER_WITHOUT_CHARGE, ours, theirs)] if needs_money else []
    if answer.captured and ours.state == PaymentState.AUTHORIZED:
        return [without_entry(Kind.CAPTURED_UNKNOWN_TO_US, ours, "captured")]
    if not answer.captured and ours.state == PaymentState.CAPTURED:
        return [without_entry(Kind.CAPTURE_MISSING, ours, "authorized")]
    return []


def unknown(ours: Ours) -> Found:
    """Nobody knows what became of the payment, or it is paid and its order is not placed."""
    return without_entry(Kind.UNKNOWN_FOR_TOO_LONG, ours, "")


def not_handed_over(order: str, amount: int, currency: str, payment: str, session: str) -> Found:
    """The merchant's own system never took the order."""
    return Found(
        kind=Kind.NOT_HANDED_OVER,
        subject=order,
        order=order,
        payment=payment,
        session=session,
        ours_amount=amount,
        ours_currency=currency,
    )


def _orderless(entry: LedgerEntry, ours: Ours) -> str:
    if ours.other_order:
        return Kind.CHARGED_TWICE
    if ours.state == PaymentState.VOIDED and entry.state == "authorized":
        return Kind.VOID_MISSING
    return Kind.CHARGED_WITHOUT_ORDER


def _let_go(entry: LedgerEntry, ours: Ours) -> list[Found]:
    """The order needs no money any more: none is held, and what was taken went back."""
    if entry.state == "authorized":
        return [_of(Kind.VOID_MISSING, entry, ours)]
    if entry.state == "captured" and ours.state == PaymentState.AUTHORIZED:
        return [_of(Kind.CAPTURED_UNKNOWN_TO_US, entry, ours)]
    if entry.state == "captured" and ours.state == PaymentState.VOIDED:
        return [_of(Kind.CHARGED_WITHOUT_ORDER, entry, ours)] if money(entry) else []
    return _of_refunds(entry, ours)


def _of_refunds(entry: LedgerEntry, ours: Ours) -> list[Found]:
    if ours.refunded <= entry.refunded <= ours.refunded + ours.refunding:
        return []
    return [_of(Kind.REFUND_DIFFERS, entry, ours, ours.refunded, entry.refunded)]


BY_REFERENCE = frozenset({Kind.CHARGED_WITHOUT_ATTEMPT, Kind.CHARGED_TWICE, Kind.CHARGED_WITHOUT_ORDER})
"""About an entry of theirs, of which one payment may have several; the others are about our payment."""


def _of(
    kind: str,
    entry: LedgerEntry,
    ours: Ours | None,
    ours_amount: int | None = None,
    theirs_amount: int | None = None,
) -> Found:
    known: dict[str, Any] = {}
    if ours is not None:
        wanted = ours.order_amount if ours.order else ours.amount
        known = {
            "payment": ours.payment,
            "session": ours.session,
            "order": ours.order or ours.other_order,
            "ours_state": _state(ours),
            "ours_amount": wanted if ours_amount is None else ours_amount,
            "ours_currency": ours.currency,
        }
    return Found(
        kind=kind,
        subject=entry.reference if kind in BY_REFERENCE or ours is None else ours.payment,
        reference=entry.reference,
        theirs_state=entry.state,
        theirs_amount=taken(entry) if theirs_amount is None else theirs_amount,
        theirs_currency=entry.currency,
        entered_at=entry.created_at,
        **known,
    )


def without_entry(kind: str, ours: Ours, theirs: str) -> Found:
    """What no entry of theirs shows."""
    return Found(
        kind=kind,
        subject=ours.payment,
        payment=ours.payment,
        session=ours.session,
        order=ours.order,
        reference=ours.reference,
        ours_state=_state(ours),
        ours_amount=ours.order_amount if ours.order else ours.amount,
        ours_currency=ours.currency,
        theirs_state=theirs,
    )


def _state(ours: Ours) -> str:
    in_review = ours.order_status == orders.REVIEW
    return f"{ours.state}, in review" if in_review else str(ours.state)
