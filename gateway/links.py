"""Absolute links, built from settings and never from the request's Host (reliability-security T86)."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

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
