"""Pages people open."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import translation
from django.views import View

from checkout.models import Order
from checkout.money import display
from gateway import intake
from gateway.conf import conf

ORDER_ID = re.compile(r"ord_[0-9a-z]{1,60}", re.ASCII)

LANGUAGE = "en"
"""Of all words on our pages; the merchant's LANGUAGE_CODE would put his into their dates."""

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Page(View):
    """What every page for people shares: no transaction, no script, no framing, no referrer, and
    no account with the merchant, whose middleware may ask for one everywhere else."""

    http_method_names = ["get", "head"]

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        view: Callable[..., HttpResponseBase] = transaction.non_atomic_requests(super().as_view(**initkwargs))
        return login_not_required(view)

    def page(
        self, request: HttpRequest, name: str, context: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        with translation.override(LANGUAGE):
            response = render(
                request, f"agentic/{name}.html", context | {"merchant": conf().MERCHANT_NAME}, status=status
            )
        response.headers["Content-Language"] = LANGUAGE
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["X-Robots-Tag"] = "noindex"
        response.headers["Cache-Control"] = "no-store"
        return response


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
