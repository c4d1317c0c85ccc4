"""What a person is told about the purchase that waits for them."""

from __future__ import annotations

from dataclasses import dataclass

from checkout.models import CheckoutSession
from checkout.money import display
from gateway.models import Agent


@dataclass(frozen=True, slots=True)
class Line:
    title: str
    quantity: int
    amount: str


@dataclass(frozen=True, slots=True)
class Purchase:
    """Always visible above the question (T40, T45). `requested_by` is an agent's own name."""

    lines: tuple[Line, ...]
    sums: tuple[tuple[str, str], ...]
    total: str
    requested_by: str


def of_session(session_id: str) -> Purchase | None:
    """The purchase as last priced, or None when the session is gone."""
    session = CheckoutSession.objects.filter(pk=session_id).first()
    if session is None:
        return None
    agent = Agent.objects.filter(pk=session.owner.removeprefix("key:")).first()
    sums = session.quote["totals"]
    rows = [("Items", sums["items"]), ("Delivery", sums["fulfillment"]), ("Tax", sums["tax"])]
    if discount := sums["items_discount"] + sums["discount"]:
        rows.insert(1, ("Discount", -discount))
    return Purchase(
        lines=tuple(
            Line(line["title"], line["quantity"], display(line["base"], session.currency))
            for line in session.quote["lines"]
        ),
        sums=tuple((name, display(amount, session.currency)) for name, amount in rows),
        total=display(session.total, session.currency),
        requested_by=agent.name if agent else "an agent",
    )
