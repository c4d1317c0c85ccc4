"""Verbs on a checkout session: create, retrieve, update, cancel. `completion` pays for it.

Every writing verb takes `seal`, called with the session last inside the final transaction:
the caller renders and stores its answer there, so that answer and change commit together or
not at all (decision 6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from checkout import moves, obligations, pricing, stray_codes
from checkout.errors import (
    CompletionRunning,
    Invalid,
    NoPendingIntervention,
    SessionClosed,
    StateConflict,
    UnsupportedCurrency,
)
from checkout.models import CheckoutSession
from checkout.ports import ports
from checkout.states import CLOSED, SessionState
from interventions.negotiation import Kind
from interventions.prepared import change, insert

Seal = Callable[[CheckoutSession], None]

MOST_LINES = 200


def unsealed(session: CheckoutSession) -> None:
    """No answer is kept: for callers that are not answering anybody."""


@dataclass(frozen=True, slots=True)
class WantedLine:
    """An item the agent asks for. `param` is where it stood in the request."""

    item_id: str
    quantity: int = 1
    param: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A session to be opened."""

    lines: Sequence[WantedLine]
    currency: str
    capabilities: Mapping[str, Any]
    buyer: Mapping[str, Any] | None = None
    fulfillment_details: Mapping[str, Any] | None = None
    fulfillment_groups: Sequence[Mapping[str, Any]] | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)
    protocol_version: str = ""


def create(draft: Draft, *, owner: str, seal: Seal) -> CheckoutSession:
    """A new open session exists, priced now by the merchant's own parts.

    Raises UnsupportedCurrency, UnknownItem or Invalid, and nothing was stored. Not repeatable
    by itself; `seal` makes it so. No transaction may be open.
    """
    currency = draft.currency.lower()
    sold_in = ports().catalog.currencies()
    if currency not in sold_in:
        names = ", ".join(sold_in)
        raise UnsupportedCurrency(f"This merchant sells in: {names}.", param="$.currency")
    now = timezone.now()
    with transaction.atomic(durable=True):
        session = CheckoutSession(
            owner=owner,
            currency=currency,
            protocol_version=draft.protocol_version,
            lines=_numbered(draft.lines, ()),
            buyer=draft.buyer,
            fulfillment_details=draft.fulfillment_details,
            fulfillment_groups=draft.fulfillment_groups,
            capabilities=dict(draft.capabilities),
            extras=dict(draft.extras),
            created_at=now,
            updated_at=now,
            expires_at=now + timedelta(seconds=ports().rules.session_seconds),
        )
        reprice(session)
        insert([session])
        moves.begin(session, actor=owner)
        seal(session)
    return session


def retrieve(session_id: str, *, owner: str) -> CheckoutSession:
    """The session as it stands; one past its deadline is expired first (ACP-075).

    Raises NotFound, the same for a foreign session as for an unknown one.
    """
    session = CheckoutSession.objects.of(owner).one(session_id)
    if session.overdue(timezone.now()):
        expire(session)
    return session


def update(session_id: str, changes: Mapping[str, Any], *, owner: str, seal: Seal) -> CheckoutSession:
    """The session has the `changes` and is priced anew.

    A member that is absent stays, None clears it, arrays replace, and `buyer` and
    `fulfillment_details` merge member by member (ACP-076 to ACP-081). Members: lines
    (WantedLine), buyer, fulfillment_details, fulfillment_groups, selected_options, extras.
    Raises NotFound, SessionClosed, CompletionRunning, UnknownItem, Invalid. No transaction
    may be open.
    """
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.of(owner).locked(session_id)
        if still_open := is_open(session):
            apply(session, changes)
            reprice(session)
            write(session)
            seal(session)
    if not still_open:
        raise SessionClosed
    return session


def cancel(session_id: str, *, owner: str, seal: Seal, reason: str = "", actor: str = "") -> CheckoutSession:
    """The session is canceled and nothing will be charged; `actor` is who did it, if not its owner.

    Raises NotFound, SessionClosed when it is finished already, CompletionRunning while a
    payment is being made. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.of(owner).locked(session_id)
        if still_open := is_open(session):
            moves.move(session, SessionState.CANCELED, actor=actor or owner, note=reason[:255])
            obligations.drop(session, actor=actor or owner)
            seal(session)
    if not still_open:
        raise SessionClosed
    return session


def end_challenge(session_id: str, *, actor: str) -> CheckoutSession:
    """What the session's buyer is asked is over, and the agent sees it expired.

    For operators: a code that went astray is worth nothing at once. No counter starts anew, and the
    next update asks again. Raises NotFound, SessionClosed, CompletionRunning, and
    NoPendingIntervention when nobody is asked, so that a repeat changes nothing. No transaction may
    be open.
    """
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.locked(session_id)
        if still_open := is_open(session):
            if obligations.asked_now(session, timezone.now()) is None:
                raise NoPendingIntervention
            obligations.lapse(session, actor=actor)
    if not still_open:
        raise SessionClosed
    return session


def expire(session: CheckoutSession) -> bool:
    """The session past its deadline is expired; False when it moved on in the meantime.

    The deadline is judged by the database in the UPDATE that wins (T58). Repeatable.
    """
    try:
        with transaction.atomic():
            _expire(session)
    except StateConflict:
        session.refresh_from_db()
        return False
    return True


def is_open(session: CheckoutSession) -> bool:
    """The locked session may be changed; False when its deadline passed, and it is expired now.

    Raises SessionClosed or CompletionRunning. The caller commits and then refuses.
    """
    if session.state in CLOSED:
        raise SessionClosed
    if session.state == SessionState.COMPLETING:
        raise CompletionRunning
    if session.overdue(timezone.now()):
        _expire(session)
        return False
    return True


def apply(session: CheckoutSession, changes: Mapping[str, Any]) -> None:
    """`changes` are in the session in memory, by the rules of `update`.

    A one-time code that the buyer is asked for is masked where it does not belong (T20).
    """
    asked = obligations.pending(session)
    if asked is not None and asked["kind"] == Kind.OTP:
        changes = stray_codes.masked(changes)
    for name, value in changes.items():
        match name:
            case "lines":
                session.lines = _numbered(value, session.lines)
            case "buyer" | "fulfillment_details":
                setattr(session, name, _merged(getattr(session, name), value))
            case "extras":
                session.extras = _merged(session.extras, value) or {}
            case "fulfillment_groups" | "selected_options":
                setattr(session, name, value)
            case _:
                raise Invalid(f"{name} cannot be changed.", param=f"$.{name}")


def reprice(session: CheckoutSession) -> None:
    """The quote in memory is what the merchant's parts and policies answer now.

    Must run inside a transaction: a person may have to be asked for something.
    """
    asked = session.quote.get("pending") or session.quote.get("approval")
    session.quote = pricing.price(
        session.lines,
        currency=session.currency,
        fulfillment_details=session.fulfillment_details,
        buyer=session.buyer,
        groups=session.fulfillment_groups,
        chosen=session.selected_options,
        locale=session.extras.get("locale", ""),
        before=session.quote,
    )
    session.total = session.quote["totals"]["total"]
    obligations.weigh(session, before=asked)


def write(session: CheckoutSession) -> None:
    """The open session's content in memory is in the database.

    Raises StateConflict when it is open no more. Must run inside a transaction.
    """
    session.updated_at = timezone.now()
    content = (
        "lines",
        "buyer",
        "fulfillment_details",
        "fulfillment_groups",
        "selected_options",
        "extras",
        "quote",
        "total",
        "updated_at",
    )
    columns = {name: getattr(session, name) for name in content}
    if not change(CheckoutSession, {"pk": session.pk, "state": SessionState.OPEN}, columns):
        raise StateConflict


def _expire(session: CheckoutSession) -> None:
    now = timezone.now()
    moves.move(session, SessionState.EXPIRED, actor="system", note="deadline", only={"expires_at__lte": now})
    obligations.drop(session, actor="system")


def _numbered(lines: Sequence[WantedLine], before: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Lines with ids: an item keeps the id it had, and an item named twice is one line (C-01)."""
    if len(lines) > MOST_LINES:
        raise Invalid(f"At most {MOST_LINES} line items are accepted.", param="$.line_items")
    known = {line["item_id"]: line["id"] for line in before}
    used = max((int(line["id"].removeprefix("li_")) for line in before), default=0)
    merged: dict[str, dict[str, Any]] = {}
    for line in lines:
        if line.item_id in merged:
            merged[line.item_id]["quantity"] += line.quantity
        else:
            if line.item_id not in known:
                used += 1
                known[line.item_id] = f"li_{used}"
            merged[line.item_id] = {
                "id": known[line.item_id],
                "item_id": line.item_id,
                "quantity": line.quantity,
                "param": line.param,
            }
        if merged[line.item_id]["quantity"] > pricing.LARGEST_QUANTITY:
            text = f"At most {pricing.LARGEST_QUANTITY} of one item can be bought at once."
            raise Invalid(text, param=line.param or "$.line_items")
    return list(merged.values())


def _merged(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if new is None:
        return None
    both = {**(old or {}), **new}
    return {name: value for name, value in both.items() if value is not None} or None
