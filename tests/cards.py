"""What an agent that holds a card sends: the bodies of the endpoints that take one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from tests.agents import PlayedAgent

DELEGATE = "/agentic_commerce/delegate_payment"
AUTHENTICATE = "/delegate_authentication"

GOOD, REFUSED, ASKED = "4242424242424242", "4000000000000002", "4000000000003220"
DENIED, UNAVAILABLE, UNSUPPORTED = "4000008400001629", "4000008400001280", "378282246310005"

BROWSER: dict[str, Any] = {
    "accept_header": "text/html",
    "ip_address": "203.0.113.7",
    "javascript_enabled": True,
    "language": "en-US",
    "user_agent": "Mozilla/5.0",
    "color_depth": 24,
    "java_enabled": False,
    "screen_height": 1080,
    "screen_width": 1920,
    "timezone_offset": 0,
}
PLACE: dict[str, Any] = {
    "channel": {"type": "browser", "browser": BROWSER},
    "challenge_notification_url": "https://agent.example/3ds/back",
}


def later(**apart: float) -> str:
    return (timezone.now() + timedelta(**(apart or {"hours": 1}))).isoformat()


def delegating(
    session: str = "cs_0", number: str = GOOD, *, card: Any = (), allowance: Any = (), **members: Any
) -> dict[str, Any]:
    """A card for a token that pays for this session; `card` and `allowance` change what is in them."""
    return {
        "payment_method": {
            "type": "card",
            "card_number_type": "fpan",
            "number": number,
            "exp_month": "11",
            "exp_year": str(timezone.now().year + 3),
            "name": "Ada Lovelace",
            "cvc": "223",
            "display_card_funding_type": "credit",
            "display_brand": "visa",
            "display_last4": number[-4:],
            "metadata": {"issuing_bank": "temp"},
            **dict(card),
        },
        "allowance": {
            "reason": "one_time",
            "max_amount": 1_000_000,
            "currency": "usd",
            "checkout_session_id": session,
            "merchant_id": "sandbox-merchant",
            "expires_at": later(),
            **dict(allowance),
        },
        "risk_signals": [],
        "metadata": {"campaign": "q4"},
        **members,
    }


def authenticating(value: int = 2_800, number: str = ASKED, **members: Any) -> dict[str, Any]:
    return {
        "merchant_id": "sandbox-merchant",
        "payment_method": {
            "type": "card",
            "number": number,
            "exp_month": "11",
            "exp_year": str(timezone.now().year + 3),
            "name": "Ada Lovelace",
        },
        "amount": {"value": value, "currency": "USD"},
        **members,
    }


def token_for(agent: PlayedAgent, session: dict[str, Any], number: str = GOOD, **changed: Any) -> str:
    """The agent has the card in the vault, for this session."""
    answer = agent.post(DELEGATE, delegating(session["id"], number, **changed))
    assert answer.status_code == 201, answer.content
    found: str = answer.json()["id"]
    return found
