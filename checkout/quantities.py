"""The pieces of an order: what still counts, what is packed, what has left, and what that makes of it.

Every verb here runs inside the transaction that holds the order's lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import F

from checkout import orders
from checkout.errors import Invalid, TooMany
from checkout.models import Order, OrderLine, Shipment
from checkout.ports import Wanted

Pieces = Mapping[str, int]
"""How many of each line, by the line's id."""

DELIVERED = "delivered"
DERIVED = frozenset(
    {"created", orders.CONFIRMED, orders.PROCESSING, orders.SHIPPED, orders.COMPLETED, orders.CANCELED}
)


def of(order: Order) -> dict[str, OrderLine]:
    """Every line of the order by its id, those that nothing happened to as they were ordered."""
    rows = {row.line: row for row in OrderLine.objects.filter(order=order.pk)}
    return {
        line["id"]: rows.get(line["id"])
        or OrderLine(order=order, line=line["id"], ordered=line["quantity"], current=line["quantity"])
        for line in order.quote["lines"]
    }


def judged(order: Order, pieces: Any, param: str = "lines") -> dict[str, int]:
    """`pieces` in the order of the lines. Raises Invalid for none, for a line the order does not have,
    and for a quantity that is none."""
    known = {line["id"]: line["quantity"] for line in order.quote["lines"]}
    if not isinstance(pieces, Mapping) or not pieces:
        raise Invalid("At least one line is needed.", param=param)
    for line_id, quantity in pieces.items():
        if line_id not in known:
            raise Invalid("The order has no such line.", param=param)
        if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 1:
            raise Invalid("A quantity is a whole number from 1.", param=param)
    return {line_id: pieces[line_id] for line_id in known if line_id in pieces}


def unpacked(order: Order) -> dict[str, int]:
    """What still counts and is in no delivery."""
    return {key: row.current - row.packed for key, row in of(order).items() if row.current > row.packed}


def sent(order: Order) -> dict[str, int]:
    """What has left and was not taken back."""
    return {key: row.fulfilled for key, row in of(order).items() if row.fulfilled}


def change(order: Order, pieces: Pieces, *, current: int = 0, packed: int = 0, fulfilled: int = 0) -> None:
    """Each of the lines has so many times its pieces more, or fewer. Raises TooMany, and nothing is
    written: what is packed still counts, and what has left is packed."""
    lines = of(order)
    changed = []
    for line_id, quantity in pieces.items():
        row = lines[line_id]
        row.current += current * quantity
        row.packed += packed * quantity
        row.fulfilled += fulfilled * quantity
        if not 0 <= row.fulfilled <= row.packed <= row.current <= row.ordered:
            raise TooMany
        changed.append(row)
    for row in changed:
        row.save()


def status(order: Order) -> str:
    """How the order stands by its pieces (ACP-230): canceled, completed, shipped, processing, confirmed.

    A review stays one, and a merchant's own word stands while nothing has happened to the pieces.
    """
    if order.status == orders.REVIEW:
        return orders.REVIEW
    lines = of(order).values()
    left = [row for row in lines if row.current]
    if not left:
        return orders.CANCELED
    if any(row.fulfilled for row in left):
        on_its_way = Shipment.objects.filter(order=order.pk, pieces=Shipment.Pieces.LEFT)
        arrived = not on_its_way.exclude(status=DELIVERED).exists()
        all_left = all(row.fulfilled == row.current for row in left)
        return orders.COMPLETED if arrived and all_left else orders.SHIPPED
    if any(row.packed for row in left):
        return orders.PROCESSING
    return orders.CONFIRMED if order.status in DERIVED else order.status


def references(pieces: Pieces) -> list[dict[str, Any]]:
    """As they are stored, and as agents read them."""
    return [{"id": line_id, "quantity": quantity} for line_id, quantity in pieces.items()]


def pieces_of(stored: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {entry["id"]: entry["quantity"] for entry in stored}


def wanted(order: Order, pieces: Pieces) -> list[Wanted]:
    """The pieces as the stock knows them."""
    counted: dict[str, int] = {}
    for line in order.quote["lines"]:
        if line["id"] in pieces:
            counted[line["item_id"]] = counted.get(line["item_id"], 0) + pieces[line["id"]]
    return [Wanted(item, quantity) for item, quantity in sorted(counted.items())]


def worth(order: Order, pieces: Pieces, *, gone: Pieces) -> int:
    """What `pieces` cost, taxes and discounts included and delivery not, when `gone` went before them.

    However a line is divided, its parts add up to it. A discount on the whole basket is shared out by
    the lines' totals; what rounds off stays with the merchant until all of a line is gone.
    """
    lines = order.quote["lines"]
    items = sum(line["total"] for line in lines)
    kept = max(items - order.quote["totals"]["discount"], 0)

    def of_line(line: Mapping[str, Any], quantity: int) -> int:
        share: int = line["total"] * quantity // line["quantity"]
        return share * kept // items if items else 0

    return sum(
        of_line(line, gone.get(line["id"], 0) + pieces[line["id"]]) - of_line(line, gone.get(line["id"], 0))
        for line in lines
        if line["id"] in pieces
    )


def gone(order: Order) -> dict[str, int]:
    """What does not count any more."""
    rows = OrderLine.objects.filter(order=order.pk, current__lt=F("ordered"))
    return {row.line: row.ordered - row.current for row in rows}
