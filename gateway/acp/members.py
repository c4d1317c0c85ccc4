"""Members that sessions and orders share in ACP 2026-04-17. Pure: no query, no write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from interventions.translation import Words


def totals(quote: Mapping[str, Any], words: Words = str) -> list[dict[str, Any]]:
    """The session's totals; they add up (ACP-055, ACP-056)."""
    sums = quote["totals"]
    return present_totals(
        total_of("items_base_amount", "Items", sums["items"]),
        total_of("items_discount", "Item discounts", sums["items_discount"], optional=True),
        total_of("subtotal", "Subtotal", sums["items"] - sums["items_discount"]),
        total_of("discount", "Discount", sums["discount"], optional=True),
        total_of("fulfillment", "Delivery", sums["fulfillment"]) if quote["selected"] else None,
        total_of("tax", "Tax", sums["tax"], parts=quote["tax_parts"]),
        total_of("total", "Total", sums["total"]),
        words=words,
    )


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def present(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value}


def total_of(
    kind: str, text: str, amount: int, *, optional: bool = False, parts: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any] | None:
    if optional and not amount:
        return None
    body: dict[str, Any] = {"type": kind, "display_text": text, "amount": amount}
    if parts:
        body["breakdown"] = [
            {"jurisdiction": p["jurisdiction"], "rate": p["rate"] / 10_000, "amount": p["amount"]}
            for p in parts
        ]
    return body


def present_totals(*entries: dict[str, Any] | None, words: Words) -> list[dict[str, Any]]:
    return [entry | {"display_text": words(entry["display_text"])} for entry in entries if entry is not None]
