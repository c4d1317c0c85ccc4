"""What the OpenAPI document shows: one purchase in the demo shop, from an empty cart to the order,
and one of goods that the buyer has to confirm with a one-time code.

A test sends the requests and compares the answers member by member; amounts, ids and times are
those of one day.
"""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]

SESSION_ID = "cs_36199a1e18c01e97c7486f5b9c16697e"
ORDER_ID = "ord_b6ca438d1018c8494c6e4d24b39dd740"
ORDER_NUMBER = "B6CA438D"
TICKET = "3b27b0cdbeed07400bdda9c9b008ebec34d23b73a3af7e073aa2b067ad750d832d711642b726b04401627ca9fbac32f5"
SHOP = "https://shop.example"
HANDLERS = "https://www.agenticcommerce.dev"


def _total(kind: str, text: str, amount: int, **more: Any) -> Body:
    return {"type": kind, "display_text": text, "amount": amount, **more}


CALIFORNIA = [{"jurisdiction": "California", "rate": 0.0725, "amount": 406}]

BUYER: Body = {"full_name": "Ada Lovelace", "email": "ada@example.com"}

DETAILS: Body = {
    "address": {
        "name": "Ada Lovelace",
        "line_one": "1 Market Street",
        "city": "San Francisco",
        "state": "CA",
        "country": "US",
        "postal_code": "94105",
    }
}

CREATE: Body = {"line_items": [{"id": "item_mug", "quantity": 2}], "currency": "usd", "capabilities": {}}

CREATE_WITH_ADDRESS: Body = {**CREATE, "buyer": BUYER, "fulfillment_details": DETAILS}

UPDATE: Body = {"buyer": BUYER, "fulfillment_details": DETAILS}

SELECT: Body = {
    "selected_fulfillment_options": [
        {"type": "shipping", "option_id": "ship_express", "item_ids": ["item_mug"]}
    ]
}

COMPLETE: Body = {
    "payment_data": {
        "handler_id": "sandbox_card",
        "instrument": {"type": "card", "credential": {"type": "spt", "token": "spt_sandbox_ok"}},
    }
}

CANCEL: Body = {
    "intent_trace": {"reason_code": "shipping_cost", "trace_summary": "Delivery was dearer than expected."}
}

CODE_CAPABLE: Body = {"interventions": {"supported": ["otp"], "max_interaction_depth": 1}}

CREATE_CONFIRMED: Body = {
    "line_items": [{"id": "item_sneakers"}],
    "currency": "usd",
    "capabilities": CODE_CAPABLE,
    "buyer": BUYER,
    "fulfillment_details": DETAILS,
}

ANSWER_CODE: Body = {"intervention_response": {"type": "otp", "code": "041873"}}

RESEND_CODE: Body = {"intervention_response": {"type": "otp", "resend": True}}


def _line(tax: int, breakdown: list[Body] | None = None) -> Body:
    return {
        "id": "li_1",
        "item": {"id": "item_mug", "name": "Stoneware Mug", "unit_amount": 2800},
        "quantity": 2,
        "name": "Stoneware Mug",
        "unit_amount": 2800,
        "product_id": "item_mug",
        "availability_status": "in_stock",
        "totals": [
            _total("items_base_amount", "Item price", 5600),
            _total("subtotal", "Subtotal", 5600),
            _total("tax", "Tax", tax, **({"breakdown": breakdown} if breakdown else {})),
            _total("total", "Total", 5600 + tax),
        ],
        "description": "Holds 350 ml, keeps tea warm, goes into the dishwasher.",
        "tags": ["mug", "cup", "coffee", "tea"],
        "category": "Kitchen",
        "sku": "DS-0001",
    }


def _option(name: str, title: str, text: str, carrier: str, price: int, days: tuple[str, str]) -> Body:
    return {
        "type": "shipping",
        "id": name,
        "title": title,
        "totals": [_total("fulfillment", "Delivery", price), _total("total", "Total", price)],
        "description": text,
        "carrier": carrier,
        "earliest_delivery_time": f"{days[0]}T00:00:00+00:00",
        "latest_delivery_time": f"{days[1]}T23:59:59+00:00",
    }


LOCAL_DELIVERY: Body = {
    "type": "local_delivery",
    "id": "local_bike",
    "title": "By bicycle",
    "totals": [_total("fulfillment", "Delivery", 900), _total("total", "Total", 900)],
    "description": "Brought to the door in San Francisco.",
    "delivery_window": {"start": "2026-11-21T09:00:00Z", "end": "2026-11-21T18:00:00Z"},
    "service_area": {"radius_miles": 7, "center_postal_code": "94103"},
}

PICKUP: Body = {
    "type": "pickup",
    "id": "pickup_locker",
    "title": "Parcel locker",
    "totals": [_total("fulfillment", "Delivery", 500), _total("total", "Total", 500)],
    "description": "Kept for a week.",
    "location": {
        "name": "Lockers, Mission Street",
        "address": {
            "name": "Lockers, Mission Street",
            "line_one": "1000 Mission Street",
            "city": "San Francisco",
            "state": "CA",
            "country": "US",
            "postal_code": "94103",
        },
        "phone": "+1 415 555 0100",
        "instructions": "The number of the order opens the locker.",
    },
    "pickup_type": "locker",
    "ready_by": "2026-11-21T00:00:00Z",
    "pickup_by": "2026-11-27T23:59:59Z",
}

NOT_READY: Body = {
    "id": SESSION_ID,
    "protocol": {"version": "2026-04-17"},
    "capabilities": {
        "payment": {
            "handlers": [
                {
                    "id": "sandbox_card",
                    "name": "dev.acp.tokenized.card",
                    "version": "2026-04-17",
                    "spec": f"{HANDLERS}/handlers/tokenized-card",
                    "requires_delegate_payment": True,
                    "requires_pci_compliance": False,
                    "psp": "sandbox",
                    "config_schema": f"{HANDLERS}/schemas/handlers/tokenized-card/config.json",
                    "instrument_schemas": [f"{HANDLERS}/schemas/handlers/tokenized-card/instrument.json"],
                    "config": {
                        "merchant_id": "sandbox-merchant",
                        "merchant_display_name": "Sandbox merchant",
                        "psp": "sandbox",
                        "delegate_id": "sandbox",
                        "delegate_display_name": "Sandbox",
                        "accepted_brands": ["visa", "mastercard", "amex"],
                        "accepted_funding_types": ["credit", "debit", "prepaid"],
                        "supports_3ds": True,
                        "environment": "sandbox",
                        "3ds_versions": ["2.2"],
                    },
                    "display_name": "Card (sandbox)",
                    "display_order": 1,
                }
            ]
        }
    },
    "status": "not_ready_for_payment",
    "currency": "usd",
    "locale": "en",
    "line_items": [_line(0)],
    "fulfillment_options": [PICKUP],
    "totals": [
        _total("items_base_amount", "Items", 5600),
        _total("subtotal", "Subtotal", 5600),
        _total("tax", "Tax", 0),
        _total("total", "Total", 5600),
    ],
    "messages": [
        {
            "type": "error",
            "severity": "high",
            "content_type": "plain",
            "content": "A complete delivery address is needed: "
            "name, line_one, city, state, country, postal_code.",
            "resolution": "requires_buyer_input",
            "code": "missing",
            "param": "$.fulfillment_details.address",
        }
    ],
    "links": [],
    "created_at": "2026-11-20T14:07:18Z",
    "updated_at": "2026-11-20T14:07:18Z",
    "expires_at": "2026-11-20T20:07:18Z",
}

TOTALS = [
    _total("items_base_amount", "Items", 5600),
    _total("subtotal", "Subtotal", 5600),
    _total("fulfillment", "Delivery", 500),
    _total("tax", "Tax", 406, breakdown=CALIFORNIA),
    _total("total", "Total", 6506),
]

READY: Body = {
    **NOT_READY,
    "status": "ready_for_payment",
    "line_items": [_line(406, CALIFORNIA)],
    "fulfillment_options": [
        _option(
            "ship_standard",
            "Standard",
            "Three to five days.",
            "Demo Parcel",
            500,
            ("2026-11-23", "2026-11-25"),
        ),
        _option(
            "ship_express",
            "Express",
            "Tomorrow or the day after.",
            "Demo Express",
            1500,
            ("2026-11-21", "2026-11-22"),
        ),
        LOCAL_DELIVERY,
        PICKUP,
    ],
    "totals": TOTALS,
    "messages": [],
    "buyer": BUYER,
    "fulfillment_details": DETAILS,
    "selected_fulfillment_options": [
        {"type": "shipping", "option_id": "ship_standard", "item_ids": ["li_1"]}
    ],
}

DECLINED: Body = {
    **READY,
    "messages": [
        {
            "type": "error",
            "severity": "high",
            "content_type": "plain",
            "content": "The card was declined. Try another way to pay.",
            "resolution": "recoverable",
            "code": "payment_declined",
            "param": "$.payment_data.instrument.credential",
        }
    ],
}

ORDER: Body = {
    "type": "order",
    "id": ORDER_ID,
    "checkout_session_id": SESSION_ID,
    "order_number": ORDER_NUMBER,
    "permalink_url": f"{SHOP}/agentic/orders/{ORDER_ID}",
    "status": "confirmed",
    "line_items": [
        {
            "id": "li_1",
            "title": "Stoneware Mug",
            "product_id": "item_mug",
            "quantity": {"ordered": 2, "current": 2, "fulfilled": 0},
            "unit_price": 2800,
            "subtotal": 5600,
            "status": "processing",
        }
    ],
    "fulfillments": [],
    "adjustments": [],
    "totals": TOTALS,
    "confirmation": {"confirmation_number": ORDER_NUMBER},
    "estimated_delivery": {"earliest": "2026-11-23T00:00:00Z", "latest": "2026-11-25T23:59:59Z"},
}

ASKED: Body = {
    "type": "error",
    "severity": "medium",
    "content_type": "plain",
    "content": "Ask the buyer for the one-time code sent to a***@example.com.",
    "resolution": "requires_buyer_input",
    "code": "intervention_required",
}

SNEAKER_TAX = [{"jurisdiction": "California", "rate": 0.0725, "amount": 942}]

AUTHENTICATION_REQUIRED: Body = {
    **READY,
    "capabilities": {
        **NOT_READY["capabilities"],
        "interventions": {"supported": ["otp"], "required": ["otp"], "enforcement": "always"},
        "extensions": [{"name": "intervention_types@2026-02-17"}],
    },
    "status": "authentication_required",
    "line_items": [
        {
            "id": "li_1",
            "item": {"id": "item_sneakers", "name": "Trail Sneakers", "unit_amount": 12999},
            "quantity": 1,
            "name": "Trail Sneakers",
            "unit_amount": 12999,
            "product_id": "item_sneakers",
            "availability_status": "in_stock",
            "totals": [
                _total("items_base_amount", "Item price", 12999),
                _total("subtotal", "Subtotal", 12999),
                _total("tax", "Tax", 942, breakdown=SNEAKER_TAX),
                _total("total", "Total", 13941),
            ],
            "description": "Light running shoes with a sole for forest paths.",
            "tags": ["shoes", "running", "sport", "limited-edition"],
            "category": "Clothing",
            "sku": "DS-0002",
        }
    ],
    "totals": [
        _total("items_base_amount", "Items", 12999),
        _total("subtotal", "Subtotal", 12999),
        _total("fulfillment", "Delivery", 500),
        _total("tax", "Tax", 942, breakdown=SNEAKER_TAX),
        _total("total", "Total", 14441),
    ],
    "messages": [ASKED],
    "continue_url": f"{SHOP}/agentic/confirm/{TICKET}/code",
    "intervention_context": {
        "intervention_type": "otp",
        "challenge_hint": "a***@example.com",
        "expires_at": "2026-11-20T14:12:18Z",
    },
}

WRONG_CODE: Body = {
    **AUTHENTICATION_REQUIRED,
    "messages": [
        ASKED,
        {
            "type": "error",
            "severity": "high",
            "content_type": "plain",
            "content": "The code is not right. Attempts left: 4.",
            "resolution": "requires_buyer_input",
            "code": "invalid",
            "param": "$.intervention_response.code",
        },
    ],
}

COMPLETED: Body = {**READY, "status": "completed", "order": ORDER}

CANCELED: Body = {**READY, "status": "canceled"}

DISCOVERY: Body = {
    "protocol": {"name": "acp", "version": "2026-04-17", "supported_versions": ["2026-04-17"]},
    "api_base_url": f"{SHOP}/agentic/acp",
    "transports": ["rest"],
    "capabilities": {
        "services": ["checkout", "delegate_payment", "carts"],
        "supported_currencies": ["usd"],
        "supported_locales": ["en", "de"],
        "extensions": [{"name": "intervention_types@2026-02-17"}],
    },
}
