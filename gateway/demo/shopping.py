"""Who buys, where it goes, and how it is paid: the bodies the scenarios send."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from gateway.demo.answers import Answer, BrokenPromise
from gateway.demo.play import Play

GOOD_TOKEN = "spt_sandbox_ok"
DECLINED_TOKEN = "spt_sandbox_declined"

CURRENCY = "usd"

BUYER = {"full_name": "Ada Lovelace", "email": "ada@example.com"}

OTP_AGENT = {"interventions": {"supported": ["otp"]}}
"""Declared by an agent whose user can be asked for a one-time code."""

REDIRECT_AGENT = {
    "interventions": {"supported": ["redirect"], "redirect_context": "external_browser", "max_redirects": 1}
}
"""Declared by an agent that can open a page in its user's browser."""

ADDRESS = {
    "name": "Ada Lovelace",
    "line_one": "1 Market Street",
    "city": "San Francisco",
    "state": "CA",
    "postal_code": "94105",
    "country": "US",
}

SESSIONS = "/checkout_sessions"


def session_at(session_id: str, verb: str = "") -> str:
    """The path of a session, or of a verb on it."""
    return f"{SESSIONS}/{session_id}" + (f"/{verb}" if verb else "")


def wanting(*items: str, quantity: int = 1, **members: Any) -> dict[str, Any]:
    """The body that opens a session with these items."""
    lines = [{"id": item, "quantity": quantity} for item in items]
    return {"line_items": lines, "currency": CURRENCY, "capabilities": {}, **members}


def delivered(*items: str, quantity: int = 1) -> dict[str, Any]:
    """The body that opens a session with nothing missing."""
    return wanting(*items, quantity=quantity, buyer=BUYER, fulfillment_details={"address": ADDRESS})


def new_buyer() -> dict[str, str]:
    """A buyer with a mailbox of their own: a merchant limits how often it writes to one address."""
    return {**BUYER, "email": f"ada-{uuid.uuid4().hex[:8]}@example.com"}


def paying(session: Answer, token: str = GOOD_TOKEN) -> dict[str, Any]:
    """The body that pays through the first handler the session offers.

    Raises BrokenPromise when it offers none.
    """
    capabilities = session.body.get("capabilities")
    payment = capabilities.get("payment") if isinstance(capabilities, Mapping) else None
    handlers = payment.get("handlers") if isinstance(payment, Mapping) else None
    offered = handlers[0] if isinstance(handlers, list) and handlers else None
    if not isinstance(offered, Mapping) or "id" not in offered:
        raise BrokenPromise("the session offers a way to pay")
    instrument = {"type": "card", "credential": {"type": "spt", "token": token}}
    return {"payment_data": {"handler_id": offered["id"], "instrument": instrument}}


def open_ready(play: Play, *items: str) -> Answer:
    """A session that can be paid, opened in one step with everything in it."""
    play.step("Open a checkout session with everything in it: the item, the buyer and the address.")
    session = play.post(SESSIONS, delivered(*items))
    play.promise(session.status == 201, "the session is created")
    play.promise(session.session_status == "ready_for_payment", "nothing is missing: it is ready for payment")
    return session


def open_asked(play: Play, buyer: Mapping[str, str], *items: str) -> Answer:
    """A session in which the buyer is asked for a one-time code."""
    play.step(
        "Open a checkout session, and declare that the buyer can be asked for a one-time code: "
        "the shop wants one for limited editions."
    )
    body = wanting(*items, buyer=buyer, fulfillment_details={"address": ADDRESS}, capabilities=OTP_AGENT)
    session = play.post(SESSIONS, body)
    play.promise(session.status == 201, "the session is created")
    play.promise(session.session_status == "authentication_required", "it waits for the buyer")
    asked = session.text("intervention_context", "intervention_type")
    play.promise(asked == "otp", "what is asked for is a one-time code")
    hint = session.text("intervention_context", "challenge_hint")
    play.promise(buyer["email"] not in hint, "the hint says where to look, with the address masked")
    return session


def open_sent_away(play: Play) -> Answer:
    """A session in which the buyer is asked to confirm at a page that is not the merchant's."""
    play.step(
        "Open a checkout session, and declare that the buyer can be sent to a page: the shop wants "
        "tablets to be confirmed at a wallet."
    )
    details = {"address": ADDRESS}
    body = wanting("item_tablet", buyer=BUYER, fulfillment_details=details, capabilities=REDIRECT_AGENT)
    session = play.post(SESSIONS, body)
    play.promise(session.status == 201, "the session is created")
    play.promise(session.session_status == "authentication_required", "it waits for the buyer")
    asked = session.text("intervention_context", "intervention_type")
    play.promise(asked == "redirect", "what is asked for is a visit to a page")
    session.text("intervention_context", "callback_url")
    return session


def telling(code: str) -> dict[str, Any]:
    """The body that passes on what the buyer read."""
    return {"intervention_response": {"type": "otp", "code": code}}


DONE = {"intervention_response": {"type": "redirect_complete"}}
"""What an agent says when its buyer is back: a hint, which the merchant looks into."""
