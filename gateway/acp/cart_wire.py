"""A cart as ACP 2026-04-17 speaks it (ACP-213). Pure: no query, no write.

Estimates say what is known: a tax of nothing is left out, since no address is known yet (ACP-217). There
is no `continue_url`: no page here goes on with a cart that an agent keeps by its id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from checkout.carts import PricedCart
from gateway import languages
from gateway.acp import wire
from gateway.acp.members import instant, present, totals
from interventions import translation

Member = dict[str, Any]


def cart(priced: PricedCart) -> Member:
    """The whole cart; what has no value is absent."""
    kept, quote = priced.cart, priced.quote
    words = translation.words(kept.extras.get("locale") or languages.default())
    body: Member = {
        "id": kept.id,
        "line_items": [_line(wire.line_item(line, words)) for line in quote["lines"]],
        "currency": kept.currency,
        "totals": _known(totals(quote, words)),
        "expires_at": instant(kept.expires_at),
    }
    messages = [wire.message(entry, words) for entry in quote["problems"]]
    return body | present({"buyer": kept.buyer, "messages": messages})


def _line(line: Mapping[str, Any]) -> Member:
    return {**line, "totals": _known(line["totals"])}


def _known(entries: Sequence[Member]) -> list[Member]:
    return [entry for entry in entries if entry["type"] != "tax" or entry["amount"]]
