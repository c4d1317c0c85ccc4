"""What the OpenAPI document shows of cards for tokens: the demo shop, with published test numbers."""

from __future__ import annotations

from typing import Any

from gateway.acp.examples import SESSION_ID, SHOP

Body = dict[str, Any]

TOKEN = "vt_5f7a0f3f1f6a4c6f1f3b3e8de4b1d0f2a9c7e5b3d1f0a8c6e4b2d0f9a7c5e3b1"
AUTHENTICATION_ID = "das_0c5d1f7be2a94a9f8f5c6b1a3d2e4f60"
SERVER_ID = "6edcc246-23ee-4e94-ac5d-8ae620bea7d9"
BANK = f"{SHOP}/sandbox-bank/challenges/zvq1kVrBeD5h3V0cK8wX2m9YtUo7LsPnQ4aJ6gRiFhE"

DELEGATE: Body = {
    "payment_method": {
        "type": "card",
        "card_number_type": "fpan",
        "number": "4242424242424242",
        "exp_month": "11",
        "exp_year": "2034",
        "name": "Ada Lovelace",
        "cvc": "223",
        "display_card_funding_type": "credit",
        "display_brand": "visa",
        "display_last4": "4242",
        "metadata": {},
    },
    "allowance": {
        "reason": "one_time",
        "max_amount": 6_800,
        "currency": "usd",
        "checkout_session_id": SESSION_ID,
        "merchant_id": "sandbox-merchant",
        "expires_at": "2034-10-09T07:20:50Z",
    },
    "risk_signals": [],
    "metadata": {"campaign": "q4"},
}

DELEGATED: Body = {"id": TOKEN, "created": "2026-04-17T12:00:00Z", "metadata": {"campaign": "q4"}}

BEGIN: Body = {
    "merchant_id": "sandbox-merchant",
    "payment_method": {
        "type": "card",
        "number": "4000000000003220",
        "exp_month": "11",
        "exp_year": "2034",
        "name": "Ada Lovelace",
    },
    "amount": {"value": 6_800, "currency": "USD"},
}

BEGIN_FOR_SESSION: Body = {
    **BEGIN,
    "checkout_session_id": SESSION_ID,
    "channel": {
        "type": "browser",
        "browser": {
            "accept_header": "text/html",
            "ip_address": "203.0.113.7",
            "javascript_enabled": False,
            "language": "en-US",
            "user_agent": "Mozilla/5.0",
        },
    },
    "challenge_notification_url": "https://agent.example/3ds/back",
}

LOOKED_AT: Body = {
    "authentication_session_id": AUTHENTICATION_ID,
    "status": "action_required",
    "action": {
        "type": "fingerprint",
        "fingerprint": {"three_ds_method_url": f"{BANK}/fingerprint", "three_ds_server_trans_id": SERVER_ID},
    },
}

PENDING: Body = {"authentication_session_id": AUTHENTICATION_ID, "status": "pending"}
NOT_SUPPORTED: Body = {"authentication_session_id": AUTHENTICATION_ID, "status": "not_supported"}

GO_ON: Body = {"fingerprint_completion": "Y"}
GO_ON_THERE: Body = {
    **GO_ON,
    "channel": BEGIN_FOR_SESSION["channel"],
    "challenge_notification_url": BEGIN_FOR_SESSION["challenge_notification_url"],
}

ASKING: Body = {
    "authentication_session_id": AUTHENTICATION_ID,
    "status": "action_required",
    "action": {
        "type": "challenge",
        "challenge": {
            "acs_url": f"{BANK}/page",
            "acs_trans_id": "2c9f1a52-5c0b-4a0e-9a6e-0b7f6c1d2e3f",
            "three_ds_server_trans_id": SERVER_ID,
            "message_version": "2.2.0",
        },
    },
}

KNOWN: Body = {"authentication_session_id": AUTHENTICATION_ID, "status": "authenticated"}

PROVEN: Body = {
    **KNOWN,
    "authentication_result": {
        "trans_status": "Y",
        "electronic_commerce_indicator": "05",
        "three_ds_cryptogram": "MTIzNDU2Nzg5MDA5ODc2NTQzMjE=",
        "transaction_id": "c4e59ceb-a382-4d6a-bc87-385d591fa09d",
        "three_ds_server_trans_id": SERVER_ID,
        "version": "2.2.0",
    },
}
