"""What the OpenAPI document shows of 3-D Secure: the purchase of `examples`, with a card whose bank asks."""

from __future__ import annotations

from gateway.acp.examples import CREATE_WITH_ADDRESS, NOT_READY, READY, SHOP, Body

CREATE_AUTHENTICATING: Body = {
    **CREATE_WITH_ADDRESS,
    "capabilities": {"interventions": {"supported": ["3ds"]}},
}

COMPLETE_ASKED: Body = {
    "payment_data": {
        "handler_id": "sandbox_card",
        "instrument": {"type": "card", "credential": {"type": "spt", "token": "spt_sandbox_3ds_challenge"}},
    }
}

COMPLETE_AUTHENTICATED: Body = {
    **COMPLETE_ASKED,
    "authentication_result": {
        "outcome": "authenticated",
        "outcome_details": {
            "three_ds_cryptogram": "MTIzNDU2Nzg5MDA5ODc2NTQzMjE=",
            "electronic_commerce_indicator": "05",
            "transaction_id": "c4e59ceb-a382-4d6a-bc87-385d591fa09d",
            "version": "2.2.0",
        },
    },
}

AUTHENTICATING: Body = {
    **READY,
    "capabilities": {**NOT_READY["capabilities"], "interventions": {"supported": ["3ds"]}},
    "status": "authentication_required",
    "messages": [
        {
            "type": "error",
            "severity": "medium",
            "content_type": "plain",
            "content": "The buyer's bank wants to confirm this payment. Run 3-D Secure with "
            "authentication_metadata and complete again with its result, or send the buyer to continue_url.",
            "resolution": "requires_buyer_review",
            "code": "intervention_required",
        }
    ],
    "authentication_metadata": {
        "acquirer_details": {
            "acquirer_bin": "400000",
            "acquirer_country": "US",
            "acquirer_merchant_id": "sandbox-merchant",
            "merchant_name": "Sandbox merchant",
        },
        "directory_server": "visa",
        "flow_preference": {"type": "challenge", "challenge": {"type": "preferred"}},
    },
    "continue_url": f"{SHOP}/agentic/confirm/{'7f' * 48}",
}
