"""A stored quote as an operator reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from checkout import pricing
from checkout.money import display
from checkout.screens import NOTHING
from checkout.untrusted import visible

_SUMS = (
    ("items", "Items"),
    ("items_discount", "Discount on items"),
    ("discount", "Discount"),
    ("fulfillment", "Delivery"),
    ("tax", "Tax"),
    ("total", "Total"),
)


def as_table(quote: Mapping[str, Any], currency: str) -> SafeString:
    """The priced lines and what they add up to."""
    lines = [
        {
            "title": visible(line["title"]),
            "item_id": visible(line["item_id"]),
            "quantity": line["quantity"],
            **{name: display(line[name], currency) for name in ("unit_price", "discount", "tax", "total")},
        }
        for line in quote.get("lines", ())
    ]
    totals = quote.get("totals", {})
    sums = [
        (text, display(totals[name], currency))
        for name, text in _SUMS
        if totals.get(name) or (name == "total" and name in totals)
    ]
    return render_to_string("admin/agentic_checkout/quote.html", {"lines": lines, "sums": sums})


def delivery(quote: Mapping[str, Any], currency: str) -> SafeString | str:
    """The delivery options in force with their prices, and what goes by each if there are several."""
    offered = {option["id"]: option for option in quote.get("options", ())}
    titles = {line["id"]: f"{line['quantity']} x {line['title']}" for line in quote.get("lines", ())}
    selected = [entry for entry in quote.get("selected", ()) if entry["option_id"] in offered]
    rows = []
    for entry in selected:
        option = offered[entry["option_id"]]
        goods = ", ".join(titles[line_id] for line_id in entry["line_ids"] if line_id in titles)
        shown = f"{visible(option['title'])}, {display(option['price'], currency)}"
        rows.append((shown + (f": {visible(goods)}" if len(selected) > 1 else ""),))
    return format_html_join(SafeString("<br>"), "{}", rows) or NOTHING


def problems(quote: Mapping[str, Any]) -> SafeString | str:
    """What keeps the session from being paid, or what the buyer was told."""
    rows = (
        (entry["level"], entry["code"], visible(pricing.wording(entry)), visible(entry["param"] or "-"))
        for entry in quote.get("problems", ())
    )
    return format_html_join(SafeString("<br>"), "{} <b>{}</b>: {} <code>{}</code>", rows) or "none"


def why(quote: Mapping[str, Any]) -> SafeString | str:
    """Which policies want a person to act, and how high the risk was."""
    told = quote.get("why")
    if not told:
        return NOTHING
    rows = [("policy", name) for name in told["policies"]]
    if risk := told.get("risk"):
        rows.append(("risk", "high" if risk["high"] else "low"))
        rows += [("because", reason) for reason in risk["reasons"]]
    shown = ((name, visible(text)) for name, text in rows)
    return format_html_join(SafeString("<br>"), "<b>{}</b>: {}", shown)
