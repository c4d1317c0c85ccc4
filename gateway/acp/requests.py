"""ACP request bodies, already judged by their schema, as inputs of the domain.

Lenient where the sources disagree (decision 14): quantity in either form (C-01), null clears
on update (ACP-076 to ACP-079), coupons and later sections' members are accepted and ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from checkout.lines import WantedLine
from checkout.opening import Tender
from checkout.payments.outcomes import PURCHASE_ORDER
from checkout.ports import Instrument
from checkout.responses import Response
from checkout.services import Draft
from gateway import languages, strict_json
from gateway.errors import SchemaViolation

SESSION_ID = re.compile(r"cs_[0-9a-z]{1,61}", re.ASCII)
"""No other id of a session was ever given out."""

NEEDED_ON_CREATE = frozenset({"line_items", "currency", "capabilities"})
NEEDED_ON_UPDATE = frozenset({"line_items", "currency", "capabilities"})
NEEDED_ON_COMPLETE = frozenset({"payment_data"})

EXTRAS = ("locale", "timezone", "quote_id", "metadata", "order_notes")
MERGED = ("buyer", "fulfillment_details")

METADATA_NAMES = 50
METADATA_BYTES = 16 * 1024
"""Stored with the session and sent with every answer, so it is bounded (reliability-security T66)."""


def without_nulls(body: Mapping[str, Any], *, keep: frozenset[str]) -> dict[str, Any]:
    """The body as its schema may judge it: a null that clears a member is legal (ACP-077).

    Members in `keep` cannot be empty, so their null stays for the schema to refuse (ACP-078). An
    object inside a merged one is replaced as a whole (ACP-079), so a null in it means absent.
    """
    judged: dict[str, Any] = {}
    for name, value in body.items():
        if value is None and name not in keep:
            continue
        if name in MERGED and isinstance(value, dict):
            value = filled(value)
        judged[name] = value
    return judged


def draft(body: Mapping[str, Any], *, version: str, accepted_language: str = "") -> Draft:
    """A create request; `accepted_language` is the header. Raises SchemaViolation for metadata
    beyond its bounds."""
    metadata = body.get("metadata") or {}
    if len(metadata) > METADATA_NAMES or len(strict_json.dumps(metadata)) > METADATA_BYTES:
        text = f"metadata takes at most {METADATA_NAMES} names and {METADATA_BYTES // 1024} KiB."
        raise SchemaViolation(text, param="$.metadata")
    extras = {name: body[name] for name in EXTRAS if body.get(name) is not None}
    extras["locale"] = languages.best(body.get("locale"), accepted_language)
    return Draft(
        lines=lines(body["line_items"]),
        currency=body["currency"],
        capabilities=body["capabilities"],
        buyer=filled(body.get("buyer")),
        fulfillment_details=filled(body.get("fulfillment_details")),
        fulfillment_groups=body.get("fulfillment_groups"),
        extras=extras,
        protocol_version=version,
    )


def changes(body: Mapping[str, Any]) -> dict[str, Any]:
    """An update request: only what it names, with None for what it clears."""
    found: dict[str, Any] = {}
    if "line_items" in body:
        found["lines"] = lines(body["line_items"])
    for name in MERGED:
        if name in body:
            found[name] = _merging(body[name])
    if "fulfillment_groups" in body:
        found["fulfillment_groups"] = body["fulfillment_groups"]
    if "selected_fulfillment_options" in body:
        found["selected_options"] = body["selected_fulfillment_options"]
    if "order_notes" in body:
        found["extras"] = {"order_notes": body["order_notes"]}
    return found


def response(body: Mapping[str, Any]) -> Response | None:
    """The agent's answer to a pending intervention; its code leaves the body here."""
    given = body.get("intervention_response")
    if given is None:
        return None
    return Response(
        given["type"], given.get("code"), resend=given.get("resend") is True, channel=given.get("channel")
    )


def tender(body: Mapping[str, Any], *, claim: str, resumed: bool, still: Callable[[], None]) -> Tender:
    """A complete request. A purchase order number is a tender no handler here takes (ACP-186)."""
    payment = body["payment_data"]
    instrument = payment.get("instrument")
    if instrument is None:
        paid_with = Instrument("", PURCHASE_ORDER, PURCHASE_ORDER, "")
    else:
        credential = instrument["credential"]
        named = instrument.get("handler_id")
        paid_with = Instrument(
            payment.get("handler_id", ""),
            instrument["type"],
            credential["type"],
            credential["token"],
            belongs_to=named if named is None or isinstance(named, str) else "",
            billing_address=payment.get("billing_address"),
            risk_signals=body.get("risk_signals"),
        )
    changed: dict[str, Any] = {}
    for name in MERGED:
        if body.get(name):
            changed[name] = _merging(body[name])
    if "order_notes" in body:
        changed["extras"] = {"order_notes": body["order_notes"]}
    approval = payment.get("approval_required") is True
    brought = body.get("authentication_result")
    return Tender(paid_with, claim, resumed, changed, approval, brought, still)


def cancel_reason(body: Mapping[str, Any]) -> str:
    """The reason code of an intent trace, for the log of moves; its text is not kept (ACP-264)."""
    trace = body.get("intent_trace")
    return str(trace.get("reason_code", ""))[:64] if isinstance(trace, Mapping) else ""


def lines(items: Sequence[Mapping[str, Any]]) -> list[WantedLine]:
    """The items of a request, in either form (C-01)."""
    found = []
    for index, entry in enumerate(items):
        nested = entry.get("item")
        item_id = nested["id"] if nested else entry["id"]
        where = f"$.line_items[{index}]" + (".item.id" if nested else ".id")
        found.append(WantedLine(item_id, int(entry.get("quantity", 1)), where))
    return found


def _merging(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What is merged member by member: its own nulls clear, those further in are left out."""
    return None if value is None else {name: filled(entry) for name, entry in value.items()}


def filled(value: Any) -> Any:
    """Without the members that are null, in the objects inside it too."""
    if not isinstance(value, Mapping):
        return value
    return {name: filled(entry) for name, entry in value.items() if entry is not None}
