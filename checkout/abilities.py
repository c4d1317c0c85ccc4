"""What this merchant, an agent, and a person at our own page can do of the intervention types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checkout.asked import PAGES
from checkout.models import CheckoutSession
from checkout.ports import AuthenticatingProvider
from checkout.ports import ports as checkout_ports
from interventions.negotiation import Declared, Kind
from interventions.ports import ports as intervention_ports


def runnable() -> list[Kind]:
    """The types this merchant can run."""
    return [Kind(name) for name in intervention_ports().providers]


def bank_pages() -> frozenset[Kind]:
    """The types by which a person is brought to the page of their card's issuer, where the payment
    provider has one. No policy is met by them: they carry 3-D Secure, and nothing else."""
    provider = checkout_ports().payments
    if not isinstance(provider, AuthenticatingProvider) or not provider.supports_3ds:
        return frozenset()
    return PAGES if provider.challenge_origins else frozenset()


def declared(capabilities: Mapping[str, Any]) -> Declared:
    """What the agent said of itself; wrong or missing members count as not said."""
    told = capabilities.get("interventions") or {}
    return Declared(
        supported=tuple(told.get("supported") or ()),
        redirect_context=told.get("redirect_context"),
        max_redirects=told.get("max_redirects"),
        max_interaction_depth=told.get("max_interaction_depth"),
    )


BRINGS = "brings_its_person"
"""Among the extras of a session: its agent can bring its person to a page of ours, whatever is asked."""


ANSWERS = "answers_questions"
"""Among the extras of a session: its agent takes questions (AA-101)."""


def takes_questions(session: CheckoutSession) -> bool:
    """The session's agent said so with the request that came last. No request says so of itself."""
    return session.extras.get(ANSWERS) is True


def brings(session: CheckoutSession) -> bool:
    """The session's agent can bring its person to our pages. No request says so of itself."""
    return session.extras.get(BRINGS) is True


def of_agent(session: CheckoutSession) -> Declared:
    """What can be done through the session's agent: what it declared, and where it can bring its person to
    us, all that they can do here; its limits were about pages that it opens itself."""
    own = declared(session.capabilities)
    if not brings(session):
        return own
    return Declared(supported=(*own.supported, *at_our_page().supported))


def at_our_page() -> Declared:
    """What a person can do who buys on our own page: everything that has a page here."""
    kinds = set(runnable())
    if not bank_pages():
        kinds.discard(Kind.THREE_DS)
    return Declared(supported=tuple(kinds))
