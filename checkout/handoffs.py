"""A purchase that a person finishes on our page (AJ-084 to AJ-091).

A handoff is an intervention of kind `handoff`, whose subject is the checkout session: one state, one
browser, one link. An agent opens it, by freezing its cart or because a policy lets it hand over what it
cannot do itself; only the browser that entered can pay. What policies ask for besides has a row and a
page of its own, and the person comes back here afterwards.

Locks go cart, session, payment, stock, intervention.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from checkout import authentication, completion, handing_over, moves, obligations, pricing
from checkout.asked import at_the_page
from checkout.cart_models import Cart
from checkout.errors import (
    CartBeingPaid,
    CartEmpty,
    Invalid,
    NotAsShown,
    NotAvailable,
    SessionClosed,
    UnknownItem,
)
from checkout.errors import NotFound as NoSession
from checkout.lines import WantedLine
from checkout.models import CheckoutSession, Order
from checkout.opening import Tender
from checkout.payments.outcomes import Instrument
from checkout.ports import ports
from checkout.services import (
    Draft,
    apply,
    disturb,
    is_open,
    opened,
    reprice,
    sold_currency,
    unsealed,
    write,
)
from checkout.states import CLOSED, SessionState
from interventions import handing_over as rows
from interventions.errors import NotFound, Over
from interventions.models import Intervention
from interventions.moves import PERSON, VOIDED
from interventions.negotiation import Kind
from interventions.ports import ports as intervention_ports
from interventions.states import OPEN, InterventionState

log = logging.getLogger("agentic.checkout")

BATCH = 500
FORM = "form of a handoff"
BOUGHT = "bought"
CHANGEABLE = frozenset({"buyer", "fulfillment_details", "fulfillment_groups", "selected_options"})
NOT_AVAILABLE = frozenset({"out_of_stock", "low_stock", "quantity_exceeded"})


@dataclass(frozen=True, slots=True)
class Frozen:
    """A cart as it was handed over."""

    session: CheckoutSession
    intervention_id: str
    """The handoff; `gateway.links.handoff_page` makes its address."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a handed over cart stands, for its agent."""

    status: str
    """waiting, opened, paying, completed, refused, expired or void."""
    expires_at: datetime
    intervention_id: str
    order_id: str = ""
    """Once it is completed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What else the person must do before the purchase can be paid, at a page of its own."""

    kind: str
    intervention_id: str


def freeze(owner: str, seal: Callable[[Frozen], None]) -> Frozen:
    """The owner's cart is a checkout session that a person can pay, for as long as the handoff lasts.

    The same again while the cart is unchanged and the handoff can be used, also while it is being
    paid. An earlier one of a changed cart is void. Raises CartEmpty, NotAvailable, which names what
    cannot be bought, and CartBeingPaid. `seal` runs last inside the transaction. No transaction may
    be open.
    """
    with transaction.atomic(durable=True):
        cart = _locked_cart(owner)
        if cart is None or not cart.lines or cart.expires_at <= timezone.now():
            raise CartEmpty
        frozen = _standing_or_new(cart)
        seal(frozen)
    return frozen


def void(cart: Cart) -> None:
    """What the locked cart was frozen into can be paid no more, because the cart changes.

    A cart that was bought is closed instead: its owner goes on with a new one, so look at
    `cart.closed_at` afterwards. Raises CartBeingPaid while somebody pays. Repeatable. Inside the
    transaction that holds the cart's lock.
    """
    session = _frozen_into(cart)
    if session is None:
        return
    if session.state == SessionState.COMPLETED:
        cart.closed_at, cart.closed_because = timezone.now(), BOUGHT
        cart.save(update_fields=["closed_at", "closed_because"])
    elif _runs(session):
        _void(session, actor=cart.owner)


def outcome(cart: Cart) -> Outcome | None:
    """How the cart's last handoff stands; None when it was never handed over. Changes nothing."""
    session = CheckoutSession.objects.filter(pk=cart.session).first() if cart.session else None
    row = rows.last(session.id) if session else None
    if session is None or row is None:
        return None
    order = Order.objects.filter(session=session).values_list("pk", flat=True).first()
    return Outcome(_status(session, row), session.expires_at, row.pk, order or "")


def session_of(intervention_id: str) -> CheckoutSession:
    """The session that is handed over, as it stands. Raises `interventions.errors` NotFound. Changes
    nothing."""
    row = rows.of(intervention_id)
    session = CheckoutSession.objects.filter(pk=row.subject).select_related("order").first()
    if session is None:
        raise NotFound
    return session


def asked(session: CheckoutSession) -> Asked | None:
    """What the person must do now besides: a code, a passkey, a page, 3-D Secure. Changes nothing."""
    now = timezone.now()
    if (found := authentication.asked_now(session, now)) is not None:
        return Asked(Kind.THREE_DS.value, found["id"])
    if (found := obligations.asked_now(session, now)) is not None:
        return Asked(found["kind"], found["id"])
    return None


def due(session: CheckoutSession) -> tuple[str, ...]:
    """The types that the person will be asked for once they have filled in everything: `change` with no
    changes then asks. Changes nothing."""
    wanted = at_the_page(())["content"]
    found = next((entry for entry in session.quote["problems"] if entry["content"] == wanted), None)
    return tuple(found["values"]["kinds"].split(", ")) if found else ()


def change(
    intervention_id: str, browser: str, changes: Mapping[str, Any], *, asks: bool = True
) -> CheckoutSession:
    """The session has the person's `changes`, by the rules of `services.update`, and is priced anew.

    Members: buyer, fulfillment_details, fulfillment_groups, selected_options. With none, what the
    policies ask of the person is looked at anew: do so once they have entered. Without `asks` nobody is
    asked yet, and nothing is sent, because more changes are to come; `due` says for what. A payment that
    waits for them goes on waiting, or is given up when something changes. Repeatable. Raises
    `interventions.errors` NotFound, Over and TakenElsewhere, and `checkout.errors` SessionClosed,
    CompletionRunning and Invalid. No transaction may be open.
    """
    if wrong := sorted(set(changes) - CHANGEABLE):
        raise Invalid(f"{wrong[0]} cannot be changed here.", param=f"$.{wrong[0]}")
    with transaction.atomic(durable=True):
        session = _locked(intervention_id)
        row = rows.held(intervention_id, browser)
        ended = disturb(session, changes, actor=PERSON)
        waits = authentication.awaited(session) is not None
        if (in_time := waits or is_open(session)) and not waits:
            apply(session, changes)
            rows.rebind(row, handing_over.binding(session))
            reprice(session, asks=asks)
            session.quote["problems"] += ended
            write(session)
    if not in_time:
        raise Over(InterventionState.EXPIRED)
    return session


def pay(
    intervention_id: str,
    browser: str,
    instrument: Instrument,
    *,
    form: str,
    shown: int,
    agreed: str | None = None,
) -> CheckoutSession:
    """The session is paid and has its order, waits for 3-D Secure, or says in its problems why not.

    `form` is a random text of the page that was sent: the same page sent twice pays once. `shown` is
    the total that the person saw, in minor units; nothing is charged for another. `agreed` is
    `handing_over.binding` of the session that they saw; for another nothing is charged either. Look at
    `session.state`: completed; completing, while `asked` says what the bank wants; open, with
    `quote["problems"]`. Raises `interventions.errors` NotFound, Over and TakenElsewhere, and
    `checkout.errors` SessionClosed, CompletionRunning, InterventionRequired (see `asked`), NotAsShown,
    Invalid, and ProviderUnavailable when the outcome is not known: it is settled by itself, and the same
    form may be sent again. No transaction may be open.
    """
    session = session_of(intervention_id)
    claim = "\0".join((intervention_id, form, instrument.handler_id, instrument.token))
    tender = Tender(
        instrument,
        claim=intervention_ports().digest(claim.encode(), FORM),
        resumed=True,
        payer=partial(_enters_payment, intervention_id, browser, agreed),
        actor=PERSON,
        shown=shown,
    )
    try:
        return completion.complete(session.id, tender, owner=session.owner, seal=unsealed)
    except SessionClosed:
        raise Over(_ended(intervention_id)) from None


def refuse(intervention_id: str, browser: str) -> CheckoutSession:
    """The person does not want to buy this: nothing is charged, and the agent sees it.

    A frozen cart's session is canceled; an agent's own stays open, and says so. A payment that waits for
    the person is given up. Raises `interventions.errors` NotFound, Over and TakenElsewhere, and
    CompletionRunning while a payment is being made. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        session = _locked(intervention_id)
        rows.held(intervention_id, browser)
        if authentication.awaited(session) is not None:
            authentication.give_up(session, actor=PERSON, code="refused")
        if in_time := is_open(session):
            note = "refused on the page"
            rows.end(session.id, InterventionState.DENIED, actor=PERSON, note=note)
            if session.handed_over:
                _cancel(session, actor=PERSON, note=note)
            else:
                obligations.drop(session, actor=PERSON)
                session.quote["ready"] = False
                obligations.ended(session)
                write(session)
    if not in_time:
        raise Over(InterventionState.EXPIRED)
    return session


def sweep(now: datetime) -> None:
    """Handoffs whose time is over are expired; one that is being paid goes on until that is settled.

    Repeatable, and safe beside itself. No transaction may be open.
    """
    for row in rows.overdue(now, BATCH):
        with transaction.atomic(durable=True):
            try:
                paying = CheckoutSession.objects.locked(row.subject).state == SessionState.COMPLETING
            except NoSession:
                paying = False
            if paying:
                handing_over.outlast(row)
            else:
                state = InterventionState.EXPIRED
                rows.end(row.subject, state, actor="system", note="deadline", overdue_at=now)


def _locked_cart(owner: str) -> Cart | None:
    return Cart.objects.select_for_update().filter(owner=owner, only=True, closed_at=None).first()


def _standing_or_new(cart: Cart) -> Frozen:
    """The handoff of the locked cart. Raises CartEmpty for one that was bought."""
    session = _frozen_into(cart)
    if session is not None and session.state == SessionState.COMPLETED:
        raise CartEmpty
    if session is not None and _runs(session):
        row = rows.last(session.id)
        paying = session.state == SessionState.COMPLETING
        usable = row is not None and row.state in OPEN and (paying or not row.over(timezone.now()))
        if row is not None and usable and cart.frozen_revision == cart.revision:
            return Frozen(session, row.pk, session.expires_at)
        _void(session, actor=cart.owner)
    return _frozen(cart)


def _frozen(cart: Cart) -> Frozen:
    """A new session of the locked cart, and its handoff."""
    rules = ports().rules
    draft = Draft(
        lines=[WantedLine(line["item_id"], line["quantity"], line["item_id"]) for line in cart.lines],
        currency=cart.currency,
        capabilities={},
        buyer=cart.buyer,
        extras=cart.extras,
    )
    try:
        session = opened(
            draft,
            sold_currency(cart.currency),
            owner=cart.owner,
            lasts_seconds=rules.handoff_seconds,
            handed_over=True,
        )
    except UnknownItem as gone:
        raise NotAvailable(f"{gone.param} is not sold any more.") from None
    missing = [entry for entry in session.quote["problems"] if entry["code"] in NOT_AVAILABLE]
    if missing:
        raise NotAvailable(" ".join(pricing.wording(entry) for entry in missing))
    left = (session.expires_at - timezone.now()).total_seconds()
    begun = handing_over.begin(session, actor=cart.owner, within_seconds=left)
    cart.session, cart.frozen_revision, cart.updated_at = session.id, cart.revision, timezone.now()
    # Else the next cart would have a link beside this one's.
    cart.expires_at = max(cart.expires_at, session.expires_at)
    cart.save(update_fields=["session", "frozen_revision", "updated_at", "expires_at"])
    return Frozen(session, begun.id, session.expires_at)


def _frozen_into(cart: Cart) -> CheckoutSession | None:
    """The session that the locked cart was frozen into last, locked; a payment in it whose person did
    not act in time is given up."""
    if not cart.session:
        return None
    try:
        session = CheckoutSession.objects.locked(cart.session)
    except NoSession:
        return None
    authentication.lapse(session, timezone.now())
    return session


def _runs(session: CheckoutSession) -> bool:
    """The locked session can be paid, or is being paid; one past its deadline is expired now."""
    return session.state == SessionState.COMPLETING or (session.state not in CLOSED and is_open(session))


def _void(session: CheckoutSession, *, actor: str) -> None:
    """The locked session's cart has changed. Raises CartBeingPaid."""
    if session.state == SessionState.COMPLETING:
        raise CartBeingPaid
    rows.end(session.id, InterventionState.CANCELED, actor=actor, note=VOIDED)
    _cancel(session, actor=actor, note="the cart changed")


def _cancel(session: CheckoutSession, *, actor: str, note: str) -> None:
    """The locked, open session can be paid no more."""
    moves.move(session, SessionState.CANCELED, actor=actor, note=note)
    obligations.drop(session, actor=actor)


def _status(session: CheckoutSession, row: Intervention) -> str:
    match session.state:
        case SessionState.COMPLETED:
            return "completed"
        case SessionState.COMPLETING:
            return "paying"
        case SessionState.CANCELED:
            return "refused" if row.state == InterventionState.DENIED else "void"
    if session.state == SessionState.EXPIRED or session.overdue(timezone.now()) or row.state not in OPEN:
        return "expired"
    return "opened" if row.state == InterventionState.INTERACTING else "waiting"


def _locked(intervention_id: str) -> CheckoutSession:
    """The session of the handoff, its row locked. Raises `interventions.errors` NotFound."""
    try:
        return CheckoutSession.objects.locked(rows.of(intervention_id).subject)
    except NoSession:
        raise NotFound from None


def _enters_payment(intervention_id: str, browser: str, agreed: str | None) -> None:
    row = rows.held(intervention_id, browser)
    if agreed not in (None, row.binding):
        raise NotAsShown
    handing_over.outlast(row)


def _ended(intervention_id: str) -> InterventionState:
    state = InterventionState(rows.of(intervention_id).state)
    return InterventionState.EXPIRED if state in OPEN else state
