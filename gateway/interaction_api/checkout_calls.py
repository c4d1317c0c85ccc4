"""The capability that hands a cart to a person (AJ-084 to AJ-089)."""

from __future__ import annotations

from typing import Any

from checkout import handoffs
from checkout.handoffs import Frozen
from gateway import links
from gateway.interaction_api.capabilities import Call, Capability, Seal
from gateway.interaction_api.wire import instant

MESSAGE = (
    "Give this link to the buyer, who checks the purchase and pays there. Nobody else can finish it. "
    "View the cart to see how it stands."
)


def checkout(call: Call, seal: Seal) -> None:
    """The cart of the visit waits for a person at the link that is answered; the same link while the
    cart is as it was."""
    handoffs.freeze(call.owner, lambda frozen: seal(handed_over(frozen)))


def handed_over(frozen: Frozen) -> dict[str, Any]:
    """What both kinds of clients read (AJ-084, AJ-086). The link is computed for each answer, and kept
    with none (`gateway.tickets`)."""
    address = links.handoff_page(frozen.intervention_id)
    return {
        "handoff_url": address,
        "expires_at": instant(frozen.expires_at),
        "message": MESSAGE,
        "checkout_url": address,
        "human_handoff": True,
    }


CAPABILITIES: tuple[Capability, ...] = (
    Capability(
        name="checkout",
        method="POST",
        path="/checkout",
        handler=checkout,
        description=(
            "Freeze the cart, and get a link where the buyer reviews it and pays. Only a person can finish "
            "it there."
        ),
        requires_session=True,
        human_handoff=True,
    ),
)
