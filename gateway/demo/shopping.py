"""Who buys, where it goes, and how it is paid: the bodies the scenarios send."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.demo.answers import Answer, BrokenPromise
from gateway.demo.play import Play

GOOD_TOKEN = "spt_sandbox_ok"
DECLINED_TOKEN = "spt_sandbox_declined"
ASKING_TOKEN = "spt_sandbox_3ds_challenge"
REFUSING_TOKEN = "spt_sandbox_3ds_denied"
CARD_NUMBER = "4242424242424242"
"""Published for testing by every payment provider."""

CURRENCY = "usd"

BUYER = {"full_name": "Ada Lovelace", "email": "ada@example.com"}

OTP_AGENT = {"interventions": {"supported": ["otp"]}}
"""Declared by an agent whose user can be asked for a one-time code."""

CHECKING_AGENT = {"interventions": {"supported": ["address_verification"]}}
"""Declared by an agent that wants to hear what looks wrong about an address."""

REDIRECT_AGENT = {
    "interventions": {"supported": ["redirect"], "redirect_context": "external_browser", "max_redirects": 1}
}
"""Declared by an agent that can open a page in its user's browser."""

THREE_DS_AGENT = {"interventions": {"supported": ["3ds", "otp"]}}
"""Declared by an agent that can run 3-D Secure with its user's bank."""

DEVICE_AGENT = {
    "interventions": {"supported": ["biometric"]},
    "extensions": ["intervention_types@2026-02-17"],
}
"""Declared by an agent that can send its user to a page of the merchant's own."""
WEBVIEW_AGENT = {"interventions": {"supported": ["webview"], "display_context": "webview"}}
"""Declared by an agent that can show a page in its own."""

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


def new_number() -> str:
    """A telephone number that belongs to nobody; there are a hundred of them."""
    return f"+1 415 555 01{secrets.randbelow(100):02d}"


def paying(session: Answer, token: str = GOOD_TOKEN) -> dict[str, Any]:
    """The body that pays through the first handler the session offers.

    Raises BrokenPromise when it offers none.
    """
    instrument = {"type": "card", "credential": {"type": "spt", "token": token}}
    return {"payment_data": {"handler_id": _offered(session)["id"], "instrument": instrument}}


def _offered(session: Answer) -> Mapping[str, Any]:
    capabilities = session.body.get("capabilities")
    payment = capabilities.get("payment") if isinstance(capabilities, Mapping) else None
    handlers = payment.get("handlers") if isinstance(payment, Mapping) else None
    offered = handlers[0] if isinstance(handlers, list) and handlers else None
    if not isinstance(offered, Mapping) or "id" not in offered:
        raise BrokenPromise("the session offers a way to pay")
    return offered


def delegating(session: Answer, *, at_most: int) -> dict[str, Any]:
    """The body that hands over the buyer's card, a published test number, for a token of that session."""
    return {
        "payment_method": {
            "type": "card",
            "card_number_type": "fpan",
            "number": CARD_NUMBER,
            "exp_month": "11",
            "exp_year": str(datetime.now(UTC).year + 3),
            "name": BUYER["full_name"],
            "display_card_funding_type": "credit",
            "metadata": {},
        },
        "allowance": {
            "reason": "one_time",
            "max_amount": at_most,
            "currency": CURRENCY,
            "checkout_session_id": session.text("id"),
            "merchant_id": merchant_of(session),
            "expires_at": (datetime.now(UTC) + timedelta(minutes=30)).isoformat(),
        },
        "risk_signals": [],
        "metadata": {},
    }


def merchant_of(session: Answer) -> str:
    """The merchant as the first handler of the session names it. Raises BrokenPromise."""
    config = _offered(session).get("config")
    merchant = config.get("merchant_id") if isinstance(config, Mapping) else None
    if not isinstance(merchant, str):
        raise BrokenPromise("the handler says who the merchant is")
    return merchant


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


def open_asked_by_bank(play: Play, token: str = GOOD_TOKEN) -> Answer:
    """A session whose payment waits for the buyer's bank, at an agent that runs 3-D Secure itself."""
    play.step(
        "Open a checkout session, and declare that the agent runs 3-D Secure: the shop takes no money for "
        "cameras without it."
    )
    details = {"address": ADDRESS}
    body = wanting("item_camera", buyer=BUYER, fulfillment_details=details, capabilities=THREE_DS_AGENT)
    session = play.post(SESSIONS, body)
    play.promise(session.status == 201, "the session is created")
    play.promise(
        session.session_status == "ready_for_payment", "nobody is asked before there is a payment to confirm"
    )

    play.step("Pay. The buyer's bank wants to ask them first.")
    asked = play.post(session_at(session.text("id"), "complete"), paying(session, token))
    play.promise(asked.session_status == "authentication_required", "the payment waits for the buyer")
    play.promise(not asked.order_id, "there is no order yet")
    play.promise("authentication_metadata" in asked.body, "the answer has what 3-D Secure needs")
    asked_for = asked.text("intervention_context", "intervention_type")
    play.promise(asked_for == "3ds", "what is asked for is 3-D Secure")
    return asked


def bringing(session: Answer, result: Mapping[str, Any], token: str = GOOD_TOKEN) -> dict[str, Any]:
    """The body that completes with what the bank gave the agent."""
    return {**paying(session, token), "authentication_result": result}


def ring_for(buyer: Mapping[str, str]) -> dict[str, Any]:
    """The body that opens a session whose buyer is asked to confirm with a passkey."""
    details = {"address": ADDRESS}
    return wanting("item_ring", buyer=buyer, fulfillment_details=details, capabilities=DEVICE_AGENT)


def open_shown(play: Play) -> Answer:
    """A session in which the buyer is asked to confirm in a page that the agent shows."""
    play.step(
        "Open a checkout session, and declare that a page can be shown in the agent's own: the shop "
        "wants headphones to be confirmed in a widget of its wallet."
    )
    details = {"address": ADDRESS}
    body = wanting("item_headphones", buyer=BUYER, fulfillment_details=details, capabilities=WEBVIEW_AGENT)
    session = play.post(SESSIONS, body)
    play.promise(session.status == 201, "the session is created")
    play.promise(session.session_status == "authentication_required", "it waits for the buyer")
    asked = session.text("intervention_context", "intervention_type")
    play.promise(asked == "webview", "what is asked for is a page to show")
    return session


def telling(code: str) -> dict[str, Any]:
    """The body that passes on what the buyer read."""
    return {"intervention_response": {"type": "otp", "code": code}}


def resending(channel: str) -> dict[str, Any]:
    """The body that asks for a new code, by another way."""
    return {"intervention_response": {"type": "otp", "resend": True, "channel": channel}}


DONE = {"intervention_response": {"type": "redirect_complete"}}
"""What an agent says when its buyer is back: a hint, which the merchant looks into."""

CLOSED = {"intervention_response": {"type": "webview_complete"}}
"""The same, when the page it showed says that it is done."""
