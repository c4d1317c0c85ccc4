"""Verbs on a checkout session: create, retrieve, update, cancel. `completion` pays for it.

Every writing verb takes `seal`, called with the session last inside the final transaction:
the caller renders and stores its answer there, so that answer and change commit together or
not at all (decision 6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from checkout import (
    authentication,
    facts,
    handing_over,
    moves,
    obligations,
    pricing,
    questioning,
    stray_codes,
)
from checkout.errors import (
    CompletionRunning,
    Invalid,
    NoPendingIntervention,
    SessionClosed,
    StateConflict,
    UnsupportedCurrency,
)
from checkout.lines import WantedLine, numbered
from checkout.models import CheckoutSession
from checkout.payments.outcomes import Instrument
from checkout.ports import ports
from checkout.pricing import Problem
from checkout.states import CLOSED, SessionState
from interventions.prepared import change, insert

Seal = Callable[[CheckoutSession], None]


def unsealed(session: CheckoutSession) -> None:
    """No answer is kept: for callers that are not answering anybody."""


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
    currency = sold_currency(draft.currency)
    with transaction.atomic(durable=True):
        session = opened(draft, currency, owner=owner, lasts_seconds=ports().rules.session_seconds)
        seal(session)
    return session


def sold_currency(currency: str) -> str:
    """As the merchant's parts spell it. Raises UnsupportedCurrency."""
    sold_in = ports().catalog.currencies()
    if (spelt := currency.lower()) not in sold_in:
        names = ", ".join(sold_in)
        raise UnsupportedCurrency(f"This merchant sells in: {names}.", param="$.currency")
    return spelt


def opened(
    draft: Draft, currency: str, *, owner: str, lasts_seconds: float, handed_over: bool = False
) -> CheckoutSession:
    """The new session, priced and in the log. Raises as `create`. Inside the caller's transaction."""
    now = timezone.now()
    session = CheckoutSession(
        owner=owner,
        currency=currency,
        protocol_version=draft.protocol_version,
        lines=numbered(draft.lines, ()),
        buyer=draft.buyer,
        fulfillment_details=draft.fulfillment_details,
        fulfillment_groups=draft.fulfillment_groups,
        capabilities=dict(draft.capabilities),
        extras=dict(draft.extras),
        handed_over=handed_over,
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(seconds=lasts_seconds),
    )
    reprice(session)
    insert([session])
    moves.begin(session, actor=owner)
    return session


def retrieve(session_id: str, *, owner: str) -> CheckoutSession:
    """The session as it stands; one past its deadline is expired first (ACP-075), and a payment
    whose person did not act in time is given up.

    Raises NotFound, the same for a foreign session as for an unknown one.
    """
    session = without_lapsed(CheckoutSession.objects.of(owner).one(session_id))
    if session.overdue(timezone.now()):
        expire(session)
    return session


def update(session_id: str, changes: Mapping[str, Any], *, owner: str, seal: Seal) -> CheckoutSession:
    """The session has the `changes` and is priced anew.

    A member that is absent stays, None clears it, arrays replace, and `buyer` and
    `fulfillment_details` merge member by member (ACP-076 to ACP-081). Members: lines
    (WantedLine), buyer, fulfillment_details, fulfillment_groups, selected_options, extras.
    A payment that waits for a person goes on waiting when nothing changes that it is for; else
    it is given up. Raises NotFound, SessionClosed, CompletionRunning, UnknownItem, Invalid. No transaction
    may be open.
    """
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.of(owner).locked(session_id)
        ended = disturb(session, changes, actor=owner)
        if authentication.awaited(session) is not None:
            still_open = True
            seal(session)
        elif still_open := is_open(session):
            apply(session, changes)
            reprice(session)
            session.quote["problems"] += ended
            write(session)
            seal(session)
    if not still_open:
        raise SessionClosed
    return session


def disturb(session: CheckoutSession, changes: Mapping[str, Any], *, actor: str) -> Sequence[Problem]:
    """A payment that waits for a person still waits, or was given up because `changes` touch what it
    is for, or because its time is over; then with what there is to say about that.

    On the locked session, inside its transaction.
    """
    if authentication.awaited(session) is None:
        return ()
    before = len(session.quote["problems"])
    if authentication.lapse(session, timezone.now()):
        ended: list[Problem] = session.quote["problems"][before:]
        return ended
    changed = copy(session)
    apply(changed, changes)
    touched = any(getattr(changed, name) != getattr(session, name) for name in handing_over.BOUND)
    if handing_over.is_handed_over(session):
        touched = handing_over.binding(changed) != handing_over.binding(session)
    if touched:
        authentication.give_up(session, actor=actor, code="changed")
    elif changed.extras != session.extras:
        session.extras = changed.extras
        where = {"pk": session.pk, "state": SessionState.COMPLETING}
        change(CheckoutSession, where, {"extras": session.extras})
    return ()


def cancel(session_id: str, *, owner: str, seal: Seal, reason: str = "", actor: str = "") -> CheckoutSession:
    """The session is canceled and nothing will be charged; `actor` is who did it, if not its owner.
    A payment that waits for a person is given up.

    Raises NotFound, SessionClosed when it is finished already, CompletionRunning while a
    payment is being made. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.of(owner).locked(session_id)
        if authentication.awaited(session) is not None:
            authentication.give_up(session, actor=actor or owner, code="canceled")
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
    if asked is not None and asked["kind"] in obligations.NEED_A_CONTACT:
        changes = stray_codes.masked(changes)
    for name, value in changes.items():
        match name:
            case "lines":
                session.lines = numbered(value, session.lines)
            case "buyer" | "fulfillment_details":
                setattr(session, name, _merged(getattr(session, name), value))
            case "extras":
                session.extras = _merged(session.extras, value) or {}
            case "fulfillment_groups" | "selected_options":
                setattr(session, name, value)
            case _:
                raise Invalid(f"{name} cannot be changed.", param=f"$.{name}")


def reprice(session: CheckoutSession, tendered: Instrument | None = None, *, asks: bool = True) -> None:
    """The quote in memory is what the merchant's parts and policies answer now, to be paid with what
    is `tendered`, if that is known; `asks` as in `obligations.weigh`.

    Must run inside a transaction: a person may have to be asked for something.
    """
    asked = session.quote.get("pending") or session.quote.get("approval")
    handed = session.quote.get(handing_over.QUOTED)
    questioned = session.quote.get(questioning.QUOTED)
    remembered = session.quote.get(facts.TENDER)
    heard = session.quote.get(questioning.HEARD)
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
    if remembered:
        session.quote[facts.TENDER] = remembered
    if heard:
        session.quote[questioning.HEARD] = heard
    obligations.weigh(
        session, before=asked, handed=handed, questioned=questioned, tendered=tendered, asks=asks
    )


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


def without_lapsed(session: CheckoutSession) -> CheckoutSession:
    """The session as it stands once nobody waits in vain; the provider is not asked. Repeatable."""
    if not authentication.lapsed(session, timezone.now()):
        return session
    with suppress(StateConflict), transaction.atomic():
        locked = CheckoutSession.objects.locked(session.id)
        authentication.lapse(locked, timezone.now())
    return CheckoutSession.objects.of(session.owner).one(session.id)


def _expire(session: CheckoutSession) -> None:
    now = timezone.now()
    moves.move(session, SessionState.EXPIRED, actor="system", note="deadline", only={"expires_at__lte": now})
    handing_over.lapse(session, actor="system")
    obligations.drop(session, actor="system")


def _merged(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if new is None:
        return None
    both = {**(old or {}), **new}
    return {name: value for name, value in both.items() if value is not None} or None
