"""What became of an order, as an operator reads it. Keys to downloads are not among it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from checkout import progress
from checkout.models import Order, Refund
from checkout.money import display
from checkout.screens import link, moment
from checkout.untrusted import visible


def pieces(order: Order) -> SafeString:
    """Every line with what was ordered, still counts, and has left."""
    came = progress.of(order)
    rows = []
    for line in order.quote["lines"]:
        found = came.of_line(line["id"], line["quantity"])
        rows.append((visible(line["title"]), found.ordered, found.current, found.fulfilled, found.status))
    return _table(("Item", "Ordered", "Still counts", "Has left", "Status"), rows)


def shipments(order: Order) -> SafeString | str:
    """Every delivery with what is in it and how it stands; "" for none."""
    rows = [
        (
            row.pk,
            row.type,
            _goods(order, row.lines),
            visible(row.status),
            visible(" ".join((row.carrier, row.tracking_number)).strip()),
            visible(row.tracking_url),
        )
        for row, _ in progress.of(order).shipments
    ]
    return _table(("Delivery", "Kind", "Pieces", "Status", "Carrier", "Tracking"), rows) if rows else ""


def adjustments(order: Order) -> SafeString | str:
    """Every change that agents are told of; "" for none."""
    rows = [
        (
            moment(row.occurred_at),
            visible(row.type),
            visible(row.status),
            "" if row.amount is None else display(row.amount, row.currency),
            _goods(order, row.lines),
            visible(" ".join((row.reason, row.description)).strip()),
        )
        for row in progress.of(order).adjustments
    ]
    return _table(("Time", "Type", "Status", "Amount", "Pieces", "Words"), rows) if rows else ""


def refunds(order: Order) -> SafeString | str:
    """Every refund with what the provider said; "" for none."""
    found = Refund.objects.filter(payment=order.payment_id).order_by("created_at")
    rows = [
        (link(Refund, row.pk), row.state, display(row.amount, row.currency), visible(row.failure))
        for row in found
    ]
    return _table(("Refund", "State", "Amount", "Why it failed"), rows) if rows else ""


def _goods(order: Order, stored: Sequence[Mapping[str, Any]]) -> str:
    titles = {line["id"]: line["title"] for line in order.quote["lines"]}
    return visible(", ".join(f"{entry['quantity']} x {titles[entry['id']]}" for entry in stored))


def _table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> SafeString:
    head = format_html_join("", '<th scope="col">{}</th>', ((name,) for name in names))
    cells = [(format_html_join("", "<td>{}</td>", ((value,) for value in row)),) for row in rows]
    body = format_html_join("", "<tr>{}</tr>", cells)
    return format_html(
        '<table class="agentic-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, body
    )
