"""What the OpenAPI document shows of orders: the purchase of `examples`, a parcel and a refund later."""

from __future__ import annotations

from gateway.acp.examples import DETAILS, ORDER, Body

SHIPPED: Body = {
    **ORDER,
    "status": "shipped",
    "line_items": [
        {
            **ORDER["line_items"][0],
            "quantity": {"ordered": 2, "current": 1, "fulfilled": 1},
            "status": "fulfilled",
        }
    ],
    "fulfillments": [
        {
            "id": "ful_2f4b0a35d4f64d0d9d3c1c8f6f6f0a11",
            "type": "shipping",
            "status": "shipped",
            "line_items": [{"id": "li_1", "quantity": 1}],
            "events": [
                {
                    "id": "fev_9a0c3b7de1524b1d8f2a6c5d4e3f2a1b",
                    "type": "shipped",
                    "occurred_at": "2026-07-02T08:15:00Z",
                }
            ],
            "carrier": "DHL",
            "tracking_number": "00340434161094042557",
            "tracking_url": "https://tracking.example/00340434161094042557",
            "destination": DETAILS["address"],
        }
    ],
    "adjustments": [
        {
            "id": "adj_5d1e2c3b4a5968778695a4b3c2d1e0f9",
            "type": "cancellation",
            "occurred_at": "2026-07-01T16:40:00Z",
            "status": "completed",
            "line_items": [{"id": "li_1", "quantity": 1}],
            "reason": "out_of_stock",
        },
        {
            "id": "adj_0f1e2d3c4b5a69788796a5b4c3d2e1f0",
            "type": "refund",
            "occurred_at": "2026-07-01T16:40:00Z",
            "status": "completed",
            "amount": 3003,
            "currency": "usd",
            "line_items": [{"id": "li_1", "quantity": 1}],
        },
    ],
    "totals": [*ORDER["totals"], {"type": "amount_refunded", "display_text": "Refunded", "amount": 3003}],
}
