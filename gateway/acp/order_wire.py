"""An order as ACP 2026-04-17 speaks it, with what became of it. Pure: no query, no write."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from checkout.models import Adjustment, Order, Shipment, ShipmentEvent
from checkout.progress import NOTHING, Progress
from gateway import links
from gateway.acp.members import instant, present, present_totals, total_of, totals
from gateway.conf import conf
from interventions.translation import Words

HELP = ("support", "contact_us", "faq")
"""Where a buyer can ask, the best first, among the merchant's own pages."""


def order(placed: Order, words: Words = str, came: Progress = NOTHING) -> dict[str, Any]:
    """The whole order (ACP-221 to ACP-231). The total stays what was charged (ACP-227)."""
    body: dict[str, Any] = {
        "type": "order",
        "id": placed.id,
        "checkout_session_id": placed.session_id,
        "order_number": placed.number,
        "permalink_url": links.order_page(placed.id),
        "status": placed.status,
        "line_items": [_line(line, came) for line in placed.quote["lines"]],
        "fulfillments": [_fulfillment(shipment, events) for shipment, events in came.shipments],
        "adjustments": [_adjustment(row) for row in came.adjustments],
        "totals": [
            *totals(placed.quote, words),
            *present_totals(
                total_of("amount_refunded", "Refunded", came.refunded, optional=True), words=words
            ),
        ],
    }
    body["confirmation"] = present({"confirmation_number": placed.number, "order_notes": placed.notes})
    return body | present(
        {
            "client_reference_id": placed.client_reference,
            "estimated_delivery": _promised(placed.quote),
            "support": present({"help_center_url": _help()}),
        }
    )


def _line(line: Mapping[str, Any], came: Progress) -> dict[str, Any]:
    pieces = came.of_line(line["id"], line["quantity"])
    return {
        "id": line["id"],
        "title": line["title"],
        "product_id": line["item_id"],
        "quantity": {
            "ordered": pieces.ordered,
            "current": pieces.current,
            "fulfilled": pieces.fulfilled,
        },
        "unit_price": line["unit_price"],
        "subtotal": line["base"] - line["discount"],
        "status": pieces.status,
    }


def _fulfillment(shipment: Shipment, events: Any) -> dict[str, Any]:
    body = {
        "id": shipment.pk,
        "type": shipment.type,
        "status": shipment.status,
        "line_items": shipment.lines,
        "events": [_event(event) for event in events],
    }
    estimate = {}
    if shipment.earliest_at and shipment.latest_at:
        estimate = {"earliest": _utc(shipment.earliest_at), "latest": _utc(shipment.latest_at)}
    access = dict(shipment.access or {})
    if "expires_at" in access:
        access["expires_at"] = _utc(datetime.fromisoformat(access["expires_at"]))
    return body | present(
        {
            "carrier": shipment.carrier,
            "tracking_number": shipment.tracking_number,
            "tracking_url": shipment.tracking_url,
            "destination": shipment.destination,
            "estimated_delivery": estimate,
            "digital_delivery": access,
            "description": shipment.description,
        }
    )


def _event(event: ShipmentEvent) -> dict[str, Any]:
    body = {"id": event.pk, "type": event.type, "occurred_at": _utc(event.occurred_at)}
    return body | present({"description": event.description, "location": event.location})


def _adjustment(row: Adjustment) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": row.pk,
        "type": row.type,
        "occurred_at": _utc(row.occurred_at),
        "status": row.status,
    }
    if row.amount is not None:
        body |= {"amount": row.amount, "currency": row.currency}
    return body | present({"line_items": row.lines, "description": row.description, "reason": row.reason})


def _promised(quote: Mapping[str, Any]) -> dict[str, str]:
    """The span that the chosen options named when they were paid; nothing unless all of them did."""
    chosen = {entry["option_id"] for entry in quote["selected"]}
    options = [entry for entry in quote["options"] if entry["id"] in chosen]
    if not options or not all(entry.get("earliest") and entry.get("latest") for entry in options):
        return {}
    return {
        "earliest": min(entry["earliest"] for entry in options),
        "latest": max(entry["latest"] for entry in options),
    }


def _help() -> str:
    pages = {entry["type"]: entry["url"] for entry in reversed(conf().LINKS)}
    return next((pages[kind] for kind in HELP if kind in pages), "")


def _utc(moment: datetime) -> str:
    return instant(moment.astimezone(UTC))
