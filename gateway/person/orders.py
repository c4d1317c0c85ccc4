"""The buyer's page of an order."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest, HttpResponse

from checkout.models import Order
from checkout.money import display
from gateway import intake
from gateway.person.pages import Page

ORDER_ID = re.compile(r"ord_[0-9a-z]{1,60}", re.ASCII)


class OrderPage(Page):
    """The permanent page of an order. It shows what was bought and paid, not where it goes:
    whoever has the link may see it."""

    def get(self, request: HttpRequest, order_id: str) -> HttpResponse:
        try:
            intake.check_target(request)
            if not ORDER_ID.fullmatch(order_id):  # it may be a card number, and goes into no statement
                raise Order.DoesNotExist
            order = Order.objects.get(pk=order_id)
        except (intake.IntakeError, Order.DoesNotExist):
            return self.page(request, "no_order", {}, status=404)
        return self.page(request, "order", _purchase(order))


def _purchase(order: Order) -> dict[str, Any]:
    """What the page shows, amounts as text."""
    sums = order.quote["totals"]
    rows = [("Items", sums["items"]), ("Delivery", sums["fulfillment"]), ("Tax", sums["tax"])]
    if discount := sums["items_discount"] + sums["discount"]:
        rows.insert(1, ("Discount", -discount))
    lines = [
        {
            "title": line["title"],
            "quantity": line["quantity"],
            "amount": display(line["base"], order.currency),
        }
        for line in order.quote["lines"]
    ]
    return {
        "order": order,
        "lines": lines,
        "sums": [(name, display(amount, order.currency)) for name, amount in rows],
        "total": display(order.amount, order.currency),
    }
