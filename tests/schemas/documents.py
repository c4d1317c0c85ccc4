"""Valid documents of every kind, with every part filled in somewhere."""

from typing import Any

Document = dict[str, Any]

ADDRESS: Document = {
    "name": "Jane Roe",
    "line_one": "1 Main Street",
    "line_two": "Flat 2",
    "city": "Springfield",
    "state": "IL",
    "country": "US",
    "postal_code": "62701",
    "company": "Roe Ltd",
}
DETAILS: Document = {
    "name": "Jane Roe",
    "phone_number": "15551234567",
    "email": "jane@shop.example",
    "address": ADDRESS,
}
BUYER: Document = {
    "first_name": "Jane",
    "email": "jane@shop.example",
    "account_type": "business",
    "company": {"name": "Roe Ltd", "tax_id": "X1"},
    "loyalty": {"tier": "gold", "points_balance": 12, "member_since": "2020-01-01T00:00:00Z"},
    "tax_exemption": {"certificate_id": "c1", "certificate_type": "resale", "exempt_regions": ["IL"]},
}
TOTAL: Document = {"type": "total", "display_text": "Total", "amount": 3099}
TAX: Document = {
    "type": "tax",
    "display_text": "Tax",
    "amount": 299,
    "breakdown": [{"jurisdiction": "Illinois", "rate": 0.1, "amount": 299}],
}
GROUP: Document = {
    "id": "g1",
    "item_ids": ["li_1"],
    "destination_type": "shipping",
    "fulfillment_details": DETAILS,
}
SELECTED: Document = {"type": "shipping", "option_id": "ship_1", "item_ids": ["li_1"]}
LINE: Document = {
    "id": "li_1",
    "item": {"id": "item_mug", "name": "Mug", "unit_amount": 2800},
    "quantity": 1,
    "name": "Mug",
    "images": ["https://shop.example/mug.png"],
    "unit_amount": 2800,
    "disclosures": [{"type": "disclaimer", "content_type": "markdown", "content": "*Hot*"}],
    "custom_attributes": [{"display_name": "Glaze", "value": "blue"}],
    "marketplace_seller_details": {"name": "Potter"},
    "weight": {"value": 0.4, "unit": "kg"},
    "dimensions": {"length": 8, "width": 8, "height": 10.5, "unit": "cm"},
    "availability_status": "in_stock",
    "available_quantity": 7,
    "variant_options": [{"name": "Size", "value": "L"}],
    "discount_details": [{"type": "fixed", "amount": 100, "source": "coupon"}],
    "tax_exempt": False,
    "totals": [TOTAL],
}
HANDLER: Document = {
    "id": "card",
    "name": "dev.acp.tokenized.card",
    "version": "2026-01-22",
    "spec": "https://acp.example/handlers/card",
    "requires_delegate_payment": True,
    "requires_pci_compliance": False,
    "psp": "sandbox",
    "config_schema": "https://acp.example/config.json",
    "instrument_schemas": ["https://acp.example/instrument.json"],
    "config": {"merchant": "m"},
    "display_order": 1,
}
ATTRIBUTION: Document = {
    "provider": "impact.example",
    "token": "t-1",
    "source": {"type": "url", "url": "https://blog.example/mugs"},
    "issued_at": "2026-04-17T12:00:00Z",
    "metadata": {"placement": "top", "rank": 1, "paid": True},
    "touchpoint": "first",
    "something_new": [1],
}
ORDER: Document = {
    "type": "order",
    "id": "ord_1",
    "checkout_session_id": "cs_1",
    "permalink_url": "https://shop.example/orders/ord_1",
    "status": "packed_by_elves",
    "estimated_delivery": {"earliest": "2026-04-20T00:00:00Z", "latest": "2026-04-22T00:00:00+02:00"},
    "confirmation": {"confirmation_number": "1", "order_notes": "Thanks"},
    "support": {"email": "help@shop.example", "help_center_url": "https://shop.example/help"},
    "line_items": [
        {
            "id": "li_1",
            "title": "Mug",
            "quantity": {"ordered": 1, "current": 1, "fulfilled": 0},
            "unit_price": 2800,
            "totals": [TOTAL],
        }
    ],
    "fulfillments": [
        {
            "id": "f1",
            "type": "shipping",
            "status": "beamed",
            "line_items": [{"id": "li_1", "quantity": 1}],
            "destination": ADDRESS,
            "digital_delivery": {"access_url": "https://shop.example/d"},
            "events": [{"id": "e1", "type": "left", "occurred_at": "2026-04-18T08:00:00Z"}],
        }
    ],
    "adjustments": [
        {
            "id": "a1",
            "type": "refund",
            "occurred_at": "2026-04-19T08:00:00Z",
            "status": "pending",
            "amount": 2800,
            "currency": "usd",
        }
    ],
    "totals": [TOTAL, TAX],
}
SESSION: Document = {
    "id": "cs_1",
    "protocol": {"version": "2026-04-17"},
    "status": "ready_for_payment",
    "currency": "usd",
    "exchange_rate": 1.25,
    "capabilities": {
        "payment": {"handlers": [HANDLER]},
        "interventions": {"supported": ["3ds"], "required": [], "enforcement": "always"},
        "extensions": [{"name": "discount@2026-01-27", "extends": ["$.CheckoutSession.discounts"]}],
    },
    "buyer": BUYER,
    "line_items": [LINE],
    "fulfillment_details": DETAILS,
    "fulfillment_options": [
        {"type": "shipping", "id": "ship_1", "title": "Standard", "carrier": "Post", "totals": [TOTAL]},
        {"type": "digital", "id": "dig_1", "title": "Download", "totals": []},
        {
            "type": "pickup",
            "id": "pick_1",
            "title": "Store",
            "location": {"name": "Store", "address": ADDRESS},
            "pickup_type": "curbside",
            "totals": [],
        },
        {
            "type": "local_delivery",
            "id": "loc_1",
            "title": "Bike",
            "delivery_window": {"start": "2026-04-18T08:00:00Z", "end": "2026-04-18T10:00:00Z"},
            "service_area": {"radius_miles": 3.5},
            "totals": [],
        },
    ],
    "selected_fulfillment_options": [SELECTED],
    "fulfillment_groups": [GROUP],
    "totals": [TAX, TOTAL],
    "messages": [
        {"type": "info", "content_type": "plain", "content": "Hello", "severity": "low"},
        {"type": "warning", "code": "low_stock", "content_type": "plain", "content": "Few left"},
        {
            "type": "error",
            "code": "missing",
            "content_type": "plain",
            "content": "Where to?",
            "param": "$.fulfillment_details.address",
            "resolution": "recoverable",
        },
    ],
    "links": [{"type": "terms_of_use", "url": "https://shop.example/terms"}],
    "authentication_metadata": {
        "acquirer_details": {
            "acquirer_bin": "400000",
            "acquirer_country": "US",
            "acquirer_merchant_id": "m1",
            "merchant_name": "Shop",
        },
        "directory_server": "visa",
        "flow_preference": {"type": "challenge", "challenge": {"type": "preferred"}},
    },
    "created_at": "2026-04-17T12:00:00Z",
    "expires_at": "2026-04-17T18:00:00.250+02:00",
    "continue_url": "https://shop.example/continue/cs_1",
    "metadata": {"free": {"form": [None]}},
    "discounts": {
        "codes": ["SPRING", "OLD"],
        "applied": [
            {
                "id": "d1",
                "code": "SPRING",
                "coupon": {"id": "c1", "name": "Spring", "percent_off": 10, "metadata": {"a": "b"}},
                "amount": 280,
                "method": "across",
                "priority": 1,
                "allocations": [{"path": "$.line_items[0]", "amount": 280}],
            }
        ],
        "rejected": [{"code": "OLD", "reason": "discount_code_expired"}],
    },
    "marketing_consent_options": [
        {"channel": "email", "display_text": "News", "privacy_policy_url": "https://shop.example/privacy"}
    ],
}
CREATE: Document = {
    "buyer": BUYER,
    "line_items": [{"id": "item_mug", "quantity": 2}, {"item": {"id": "item_pens"}, "quantity": 1}],
    "currency": "usd",
    "fulfillment_details": DETAILS,
    "capabilities": {
        "interventions": {
            "supported": ["3ds", "telepathy"],
            "display_context": "hologram",
            "max_redirects": 0,
            "max_interaction_depth": 1,
        },
        "extensions": ["discount"],
    },
    "fulfillment_groups": [GROUP],
    "affiliate_attribution": ATTRIBUTION,
    "coupons": ["SPRING"],
    "discounts": {"codes": ["SPRING"]},
    "locale": "en-US",
    "timezone": "America/Chicago",
    "quote_id": "q1",
    "metadata": {"client_reference_id": "r1"},
    "order_notes": "Ring twice",
}
UPDATE: Document = {
    "buyer": BUYER,
    "line_items": [LINE],
    "fulfillment_details": {"phone_number": "15551234567"},
    "fulfillment_groups": [GROUP],
    "selected_fulfillment_options": [SELECTED],
    "discounts": {"codes": []},
    "order_notes": "",
}
COMPLETE: Document = {
    "buyer": BUYER,
    "payment_data": {
        "handler_id": "card",
        "instrument": {"type": "card", "credential": {"type": "spt", "token": "spt_sandbox_ok"}},
        "billing_address": {"country": "US", "postal_code": "62701"},
    },
    "authentication_result": {
        "outcome": "authenticated",
        "outcome_details": {
            "three_ds_cryptogram": "AAIBBYNoEwAAACcKhAJkdQAAAAA=",
            "electronic_commerce_indicator": "05",
            "transaction_id": "f25084f0",
            "version": "2.2.0",
        },
    },
    "affiliate_attribution": {"provider": "impact.example", "publisher_id": "p1", "touchpoint": "last"},
    "risk_signals": {"ip_address": "203.0.113.7"},
    "marketing_consents": [{"channel": "email", "opted_in": True}],
    "fulfillment_details": {"phone_number": "15551234567"},
    "order_notes": "Ring twice",
}
CANCEL: Document = {
    "intent_trace": {"reason_code": "comparison", "trace_summary": "Cheaper elsewhere", "metadata": {"n": 1}},
    "anything": 1,
}
DISCOVERY: Document = {
    "protocol": {"name": "acp", "version": "2026-04-17", "supported_versions": ["2026-04-17"]},
    "api_base_url": "https://shop.example/agentic/acp",
    "transports": ["rest"],
    "capabilities": {
        "services": ["checkout"],
        "extensions": [{"name": "discount", "spec": "https://acp.example/discount"}],
        "intervention_types": ["3ds"],
        "supported_currencies": ["usd"],
        "supported_locales": ["en-US"],
    },
}
ERROR: Document = {
    "type": "invalid_request",
    "code": "unsupported_api_version",
    "message": "Which version?",
    "param": "$.currency",
    "supported_versions": ["2026-04-17"],
}
CART: Document = {
    "id": "cart_1",
    "line_items": [LINE],
    "buyer": BUYER,
    "currency": "usd",
    "totals": [TOTAL],
    "messages": [
        {"type": "warning", "code": "low_stock", "content_type": "plain", "content": "Only 2 are left."}
    ],
    "continue_url": "https://shop.example/cart/cart_1",
    "expires_at": "2026-11-23T09:30:00Z",
}
CART_REQUEST: Document = {
    "line_items": [{"id": "item_mug", "quantity": 2}, {"item": {"id": "item_cup"}, "quantity": 1}],
    "buyer": BUYER,
}

VALID: list[tuple[str, Document]] = [
    ("CheckoutSession", SESSION),
    ("CheckoutSessionWithOrder", {**SESSION, "status": "completed", "order": ORDER}),
    ("WebhookEvent", {"type": "order_create", "data": {**ORDER, "type": "order", "status": "created"}}),
    ("CheckoutSessionCreateRequest", CREATE),
    ("CheckoutSessionUpdateRequest", UPDATE),
    ("CheckoutSessionUpdateRequest", {}),
    ("CheckoutSessionCompleteRequest", COMPLETE),
    ("CheckoutSessionCompleteRequest", {"payment_data": {"purchase_order_number": "PO-1"}}),
    ("CancelSessionRequest", CANCEL),
    ("Order", ORDER),
    ("Cart", CART),
    ("CartCreateRequest", {**CART_REQUEST, "locale": "en-US"}),
    ("CartUpdateRequest", CART_REQUEST),
    ("CartCancelRequest", {"reason": "too dear"}),
    ("DiscoveryResponse", DISCOVERY),
    ("Error", ERROR),
]
