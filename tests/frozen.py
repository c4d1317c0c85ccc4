"""A purchase that an agent has handed over, without the agent: its cart is written by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from checkout import handoffs, obligations, responses
from checkout.cart_models import Cart
from checkout.handoffs import Frozen
from checkout.models import CheckoutSession
from checkout.payments.outcomes import DELEGATED, Instrument
from interventions import services, visits
from interventions.states import InterventionState
from tests.agents import ADDRESS, BUYER

VISIT = "session:ase_0123456789"
"""The owner of a visit's cart."""
BROWSER = "the browser of the buyer"
OTHER_BROWSER = "the browser of somebody else"
FORM = "a form as the page drew it"
DELIVERED = {"buyer": BUYER, "fulfillment_details": {"address": ADDRESS, "email": BUYER["email"]}}


def cart(*items: tuple[str, int], owner: str = VISIT, **columns: Any) -> Cart:
    """The owner's one cart, with these items."""
    lines = [
        {"id": f"li_{number}", "item_id": item, "quantity": quantity}
        for number, (item, quantity) in enumerate(items or (("item_mug", 1),), 1)
    ]
    until = timezone.now() + timedelta(days=1)
    given = {"currency": "usd", "expires_at": until, **columns}
    return Cart.objects.create(owner=owner, only=True, lines=lines, **given)


def handed_over(*items: tuple[str, int], owner: str = VISIT) -> Frozen:
    """A new cart with these items, frozen; nobody has come to the page yet."""
    cart(*items, owner=owner)
    return handoffs.freeze(owner, lambda frozen: None)


def entered(*items: tuple[str, int], owner: str = VISIT) -> Frozen:
    """As `handed_over`; the buyer has come, and said where it goes."""
    frozen = handed_over(*items, owner=owner)
    visits.enter(frozen.intervention_id, BROWSER)
    handoffs.change(frozen.intervention_id, BROWSER, DELIVERED)
    return frozen


def card(token: str = "spt_sandbox_ok", handler: str = "sandbox_card") -> Instrument:
    return Instrument(handler, "card", DELEGATED, token)


def pay(
    frozen: Frozen, token: str = "spt_sandbox_ok", *, form: str = FORM, browser: str = BROWSER
) -> CheckoutSession:
    """The buyer pays what they were shown."""
    shown = handoffs.session_of(frozen.intervention_id).total
    return handoffs.pay(frozen.intervention_id, browser, card(token), form=form, shown=shown)


def confirmed(session_id: str, kind: str) -> None:
    """The buyer has done, at its own page, what the session asks."""
    with transaction.atomic():
        session = CheckoutSession.objects.locked(session_id)
        bound = obligations.binding(session)
        services.conclude(session.id, kind, bound, InterventionState.PASSED, actor="person")
    responses.settled(session_id)
