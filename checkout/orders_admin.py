"""The operator's screen of orders: what was bought, and what became of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from checkout import order_tables, progress, quotation, timeline
from checkout.models import Order, Payment
from checkout.money import display
from checkout.order_actions import OrderActions
from checkout.screens import NOTHING, PurchaseScreen, link, outside
from checkout.untrusted import quoted, quoted_data


class Attention(admin.SimpleListFilter):
    """What somebody has to look at. An index answers it."""

    title = "needs somebody"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "yes")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.exclude(attention="") if self.value() else queryset


@admin.register(Order)
class OrderAdmin(OrderActions, PurchaseScreen):
    """Searching by the merchant's own reference reads the whole table; ids and numbers do not."""

    owned = True
    empty_list_text = "What was bought would be here. An order appears when its payment is authorized."
    list_display = (
        "id",
        "number",
        "owner_shown",
        "status",
        "amount_shown",
        "attention",
        "merchant_reference",
        "created",
    )
    list_deferred = ("quote", "buyer", "fulfillment_details", "notes")
    list_filter = (Attention, "created_at")
    search_fields = ("id",)
    search_help_text = (
        "The whole id of an order, session or payment, an order number, an agent's name, "
        "or the merchant's own reference."
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "id_in_full",
                    "number",
                    "owner_in_full",
                    "status",
                    "attention",
                    "amount_shown",
                    "refunded_shown",
                    "page",
                )
            },
        ),
        ("Belongs to", {"fields": ("session_link", "payment_link", "merchant_reference", "created")}),
        ("What was bought", {"fields": ("bought", "delivery")}),
        (
            "What became of it",
            {"fields": ("pieces", "shipments_shown", "adjustments_shown", "refunds_shown")},
        ),
        ("Timeline", {"fields": ("timeline",)}),
        (
            "The agent's words",
            {
                "fields": ("buyer_said", "delivery_said", "notes_said", "reference_said"),
                "description": "Received as it is. Shown as text only; it decides nothing.",
            },
        ),
    )

    def search(self, term: str) -> Q:
        if term.startswith("ord_"):
            return Q(pk=term)
        if term.startswith("cs_"):
            return Q(session=term)
        if term.startswith("pay_"):
            return Q(payment=term)
        if owners := outside().owners_named(term):
            return Q(owner__in=owners)
        return Q(pk__startswith=f"ord_{term.lower()}") | Q(merchant_reference=term) | Q(owner=term)

    @admin.display(description="buyer's page")
    def page(self, order: Order) -> SafeString | str:
        address = outside().order_page(order.pk)
        return format_html('<a href="{0}" rel="noreferrer">{0}</a>', address) if address else NOTHING

    @admin.display(description="payment")
    def payment_link(self, order: Order) -> SafeString:
        return link(Payment, order.payment_id)

    @admin.display(description="lines")
    def bought(self, order: Order) -> SafeString:
        return quotation.as_table(order.quote, order.currency)

    @admin.display(description="delivery")
    def delivery(self, order: Order) -> SafeString | str:
        return quotation.delivery(order.quote, order.currency)

    @admin.display(description="buyer")
    def buyer_said(self, order: Order) -> SafeString | str:
        return quoted_data(order.buyer) or NOTHING

    @admin.display(description="delivery details")
    def delivery_said(self, order: Order) -> SafeString | str:
        said = {"details": order.fulfillment_details, "groups": order.session.fulfillment_groups}
        return quoted_data({name: value for name, value in said.items() if value}) or NOTHING

    @admin.display(description="notes")
    def notes_said(self, order: Order) -> SafeString | str:
        return quoted(order.notes) or NOTHING

    @admin.display(description="the agent's reference")
    def reference_said(self, order: Order) -> SafeString | str:
        return quoted(order.client_reference) or NOTHING

    @admin.display(description="gone back")
    def refunded_shown(self, order: Order) -> str:
        return display(progress.of(order).refunded, order.currency)

    @admin.display(description="pieces")
    def pieces(self, order: Order) -> SafeString | str:
        return order_tables.pieces(order)

    @admin.display(description="deliveries")
    def shipments_shown(self, order: Order) -> SafeString | str:
        return order_tables.shipments(order) or NOTHING

    @admin.display(description="changes that agents are told of")
    def adjustments_shown(self, order: Order) -> SafeString | str:
        return order_tables.adjustments(order) or NOTHING

    @admin.display(description="refunds")
    def refunds_shown(self, order: Order) -> SafeString | str:
        return order_tables.refunds(order) or NOTHING

    @admin.display(description="what happened")
    def timeline(self, order: Order) -> SafeString:
        return timeline.of_order(order)
