"""What became of an order, read for whoever tells of it: agents, the buyer's page, operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from checkout import adjustments, quantities
from checkout.errors import OrderNotFound
from checkout.models import Adjustment, Order, Shipment, ShipmentEvent


@dataclass(frozen=True, slots=True)
class Quantity:
    """The pieces of one line (ACP-223)."""

    ordered: int
    current: int
    fulfilled: int

    @property
    def status(self) -> str:
        """How far the line is, judged in this order."""
        if not self.current:
            return "removed"
        if self.fulfilled == self.current:
            return "fulfilled"
        return "partial" if self.fulfilled else "processing"


@dataclass(frozen=True, slots=True)
class Progress:
    """Everything that happened to an order after it was placed."""

    touched: Mapping[str, Quantity] = field(default_factory=dict)
    """The lines that something happened to."""
    shipments: Sequence[tuple[Shipment, Sequence[ShipmentEvent]]] = ()
    """Deliveries with their events, all oldest first."""
    adjustments: Sequence[Adjustment] = ()

    def of_line(self, line_id: str, ordered: int) -> Quantity:
        return self.touched.get(line_id) or Quantity(ordered, ordered, 0)

    @property
    def refunded(self) -> int:
        """What went back, the completed refunds alone (ACP-227)."""
        return sum(
            row.amount or 0
            for row in self.adjustments
            if row.type == adjustments.REFUND and row.status == adjustments.COMPLETED
        )


NOTHING = Progress()


def retrieve(order_id: str, *, owner: str) -> Order:
    """The owner's order with its session. Raises OrderNotFound, the same for foreign and unknown ids."""
    order = Order.objects.select_related("session").filter(owner=owner, pk=order_id).first()
    if order is None:
        raise OrderNotFound
    return order


def of(order: Order) -> Progress:
    """What became of the order. An order of which its agent heard once has no history: nothing is read."""
    if order.sequence == 1:
        return NOTHING
    rows = quantities.of(order)
    shipments = order.shipments.prefetch_related("events")
    return Progress(
        touched={
            line_id: Quantity(row.ordered, row.current, row.fulfilled)
            for line_id, row in rows.items()
            if row.pk
        },
        shipments=[(row, list(row.events.all())) for row in shipments],
        adjustments=list(order.adjustments.all()),
    )
