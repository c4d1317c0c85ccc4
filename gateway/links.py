"""Absolute links, built from settings and never from the request's Host (reliability-security T86)."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from gateway import tickets
from gateway.conf import conf


def to(view: str, *args: Any) -> str:
    """The public address of one of our views, wherever the merchant included `gateway.urls`."""
    return conf().PUBLIC_URL + reverse(f"agentic:{view}", args=args)


def acp_base() -> str:
    """`api_base_url` of ACP."""
    return to("acp:checkout_sessions").removesuffix("/checkout_sessions")


def order_page(order_id: str) -> str:
    """The buyer's permanent page of an order."""
    return to("order", order_id)


def confirmation(intervention_id: str) -> dict[str, str]:
    """The page where a person does what is asked, and where its provider sends them back to."""
    ticket = tickets.ticket(intervention_id)
    return {"redirect_url": to("confirm", ticket), "callback_url": confirm_return(ticket)}


def confirm_return(ticket: str) -> str:
    """Where a provider sends the person's browser back to."""
    return to("confirm_return", ticket)
