"""What the payment provider says by itself: a hint to ask it, whose answer alone moves anything (T67)."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from checkout import disputes, refunds, settlement
from checkout.models import Order, Payment
from checkout.ports import ports
from checkout.states import SessionState

HOOKS: dict[str, Callable[[str], object]] = {"refund": refunds.heard, "dispute": disputes.heard}
"""What is done besides for an event about a `refund` or a `dispute`, by the payment's id. Called with no
transaction open, as often as the event is processed."""


def of(payment_id: str, about: str) -> bool:
    """The provider was asked about the payment, and what it said recorded; money that has come for
    nothing is queued to go back. False when there is no such payment.

    Repeatable, in any order, beside a running `complete`: whoever is first goes on, the other finds it
    done (T91). Raises ProviderUnavailable, and OrderNotFound for a dispute about money without an order. No
    transaction may be open.
    """
    if not Payment.objects.filter(pk=payment_id).exists():
        return False
    settlement.settle(payment_id)
    if _belongs_to_nothing(payment_id):
        with transaction.atomic(durable=True):
            ports().outbox.add("checkout.undo", {"payment": payment_id})
    if (hook := HOOKS.get(about)) is not None:
        hook(payment_id)
    return True


def named(reference: str) -> str:
    """The payment that the provider knows by that name; "" when it is none of ours."""
    found = Payment.objects.filter(reference=reference).order_by("-created_at") if reference else None
    return (found.values_list("pk", flat=True).first() or "") if found is not None else ""


def _belongs_to_nothing(payment_id: str) -> bool:
    """Its session is over, or goes on without it: money that came late is not kept (T57)."""
    payment = Payment.objects.select_related("session").get(pk=payment_id)
    gone = payment.state in settlement.OVER or payment.session.state != SessionState.COMPLETING
    return gone and not Order.objects.filter(payment=payment).exists()
