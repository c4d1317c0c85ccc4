"""How the person behind a session can be reached, and what they are told about it."""

from __future__ import annotations

from checkout import obligations
from checkout.models import CheckoutSession
from checkout.money import display
from gateway.conf import conf
from gateway.models import Agent
from interventions.ports import Contact

LONGEST_LIST = 3


def of_session(session_id: str) -> Contact | None:
    """Whom a one-time code goes to, or None when the session or its address is gone."""
    session = CheckoutSession.objects.filter(pk=session_id).first()
    if session is None or not (address := obligations.contact(session)):
        return None
    agent = Agent.objects.filter(pk=session.owner.removeprefix("key:")).first()
    lines = [f"{line['quantity']} x {line['title']}" for line in session.quote["lines"]]
    more = len(lines) - LONGEST_LIST
    return Contact(
        address=address,
        merchant=conf().MERCHANT_NAME,
        amount_text=display(session.total, session.currency),
        items_text=", ".join(lines[:LONGEST_LIST]) + (f" and {more} more" if more > 0 else ""),
        requested_by=agent.name if agent else "an agent",
        locale=session.extras.get("locale", ""),
    )
