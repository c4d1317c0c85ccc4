"""Absolute links, built from settings and never from the request's Host (reliability-security T86)."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from gateway import tickets
from gateway.conf import conf
from interventions.negotiation import Kind


def to(view: str, *args: Any) -> str:
    """The public address of one of our views, wherever the merchant included `gateway.urls`."""
    return conf().PUBLIC_URL + reverse(f"agentic:{view}", args=args)


def acp_base() -> str:
    """`api_base_url` of ACP."""
    return to("acp:checkout_sessions").removesuffix("/checkout_sessions")


def order_page(order_id: str) -> str:
    """The buyer's permanent page of an order."""
    return to("order", order_id)


def summons_page(summons_id: str) -> str:
    """Where a person with an account finds what their agent wants of them, after signing in."""
    return to("account_summons", summons_id)


PERSON_PAGES = {
    Kind.THREE_DS: "confirm",
    Kind.REDIRECT: "confirm",
    Kind.WEBVIEW: "confirm_embed",
    Kind.OTP: "confirm_code",
    Kind.BIOMETRIC: "passkey",
}
"""The page of ours where a person can do what is asked, by its kind."""


def person_page(kind: str, intervention_id: str) -> str:
    """The page where a person can do what is asked; "" where none is ours (decision 17)."""
    view = PERSON_PAGES.get(Kind(kind))
    return to(view, tickets.ticket(intervention_id)) if view else ""


def confirmation(kind: str, intervention_id: str) -> dict[str, str]:
    """Where an agent sends the person, and where their provider sends them back to; nobody comes back
    from a page that is shown in a frame."""
    back: dict[str, str] = {}
    if PERSON_PAGES.get(Kind(kind)) == "confirm":
        back = {"callback_url": confirm_return(tickets.ticket(intervention_id))}
    return {"redirect_url": person_page(kind, intervention_id), **back}


def handoff_page(intervention_id: str) -> str:
    """Where a person finishes what an agent handed over. It tells nothing of the purchase (AJ-088)."""
    return to("handoff", tickets.ticket(intervention_id))


def element_page(intervention_id: str) -> str:
    """Our page with the form for a card, which another page of ours shows in a frame."""
    return to("confirm_element", tickets.ticket(intervention_id))


def issuer_return(payment_id: str) -> str:
    """Where a payment provider sends a person back to that it was told of with the card; not secret."""
    return to("issuer_return", payment_id)


def confirm_return(ticket: str) -> str:
    """Where a provider sends the person's browser back to."""
    return to("confirm_return", ticket)
