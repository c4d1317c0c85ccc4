"""Lines of a session or a cart as they are stored: line id, item id, quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checkout import pricing
from checkout.errors import Invalid

MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class WantedLine:
    """An item the agent asks for. `param` is where it stood in the request."""

    item_id: str
    quantity: int = 1
    param: str = ""


def numbered(
    lines: Sequence[WantedLine], before: Sequence[Mapping[str, Any]], *, most: int = MOST_LINES
) -> list[dict[str, Any]]:
    """Lines with ids: an item keeps the id it had, and an item named twice is one line (C-01).

    Raises Invalid for more than `most` of them, and for a quantity that nobody can buy.
    """
    if len(lines) > most:
        raise Invalid(f"At most {most} line items are accepted.", param="$.line_items")
    known = {line["item_id"]: line["id"] for line in before}
    used = max((int(line["id"].removeprefix("li_")) for line in before), default=0)
    merged: dict[str, dict[str, Any]] = {}
    for line in lines:
        if line.item_id in merged:
            merged[line.item_id]["quantity"] += line.quantity
        else:
            if line.item_id not in known:
                used += 1
                known[line.item_id] = f"li_{used}"
            merged[line.item_id] = {
                "id": known[line.item_id],
                "item_id": line.item_id,
                "quantity": line.quantity,
                "param": line.param,
            }
        check_quantity(merged[line.item_id]["quantity"], param=line.param or "$.line_items")
    return list(merged.values())


def check_quantity(quantity: int, *, param: str) -> None:
    """Raises Invalid for more of one item than can be bought at once."""
    if quantity > pricing.LARGEST_QUANTITY:
        text = f"At most {pricing.LARGEST_QUANTITY} of one item can be bought at once."
        raise Invalid(text, param=param)
