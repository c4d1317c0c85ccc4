"""Order events as ACP 2026-04-17 speaks them: the whole order, never a part (ACP-112, ACP-113)."""

from __future__ import annotations

from typing import Any

from checkout import progress
from checkout.models import Order
from gateway import languages, links
from gateway.acp import order_wire
from interventions import translation


def of_order(kind: str, order: Order) -> dict[str, Any]:
    """The order as it stands. Attribution and intent traces stay in the session (ACP-122)."""
    return {"type": kind, "data": data(order)}


def data(order: Order) -> dict[str, Any]:
    """The order with all that became of it, in its buyer's language."""
    words = translation.words(languages.of_session(order.session))
    return order_wire.order(order, words, progress.of(order))


def sample(kind: str) -> dict[str, Any]:
    """An order that does not exist, to try an endpoint with."""
    total = {"type": "total", "display_text": "Total", "amount": 0}
    data = {
        "type": "order",
        "id": "ord_sample",
        "checkout_session_id": "cs_sample",
        "permalink_url": links.order_page("ord_sample"),
        "status": "created",
        "line_items": [],
        "fulfillments": [],
        "adjustments": [],
        "totals": [total],
    }
    return {"type": kind, "data": data}
