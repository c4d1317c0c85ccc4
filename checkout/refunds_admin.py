"""The operator's screen of refunds: how each stands, and asking the provider now."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from checkout import refunds, timeline
from checkout.asking_provider import ask_each
from checkout.confirmation import Decision, ask, onward
from checkout.models import Order, Payment, Refund
from checkout.screens import ACT, PurchaseScreen, link, when
from checkout.states import OPEN_REFUND
from checkout.untrusted import visible


class Open(admin.SimpleListFilter):
    """Those that the provider has not had the last word on. An index answers it."""

    title = "state"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "not over yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state__in=OPEN_REFUND) if self.value() else queryset


@admin.register(Refund)
class RefundAdmin(PurchaseScreen):
    """Money on its way back, the newest first. Refunds are made on the page of an order."""

    empty_list_text = "Money on its way back would be here. A refund begins on the page of its order."
    next_asked = staticmethod(when("ask_at", "provider is asked next"))
    list_display = ("id", "payment_link", "state", "amount_shown", "reference", "actor_shown", "created")
    list_filter = (Open, "created_at")
    search_fields = ("id",)
    search_help_text = "The whole id of a refund, payment or order, or the provider's reference."
    actions = ("ask_provider",)
    fieldsets = (
        (None, {"fields": ("id_in_full", "order_link", "payment_link", "state", "amount_shown")}),
        ("Why", {"fields": ("reason_shown", "actor_shown", "key_shown")}),
        ("Provider", {"fields": ("reference", "failure_shown", "asked", "next_asked")}),
        ("Timeline", {"fields": ("timeline", "created", "updated")}),
    )

    ASK_PROVIDER: ClassVar = Decision(
        action="ask_provider",
        title="Ask the payment provider now",
        will="The provider is asked for these refunds again, under the same keys: what it did once it does "
        "not do twice. Its answer is recorded.",
        button="Ask the provider",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        return super().get_queryset(request).select_related("payment__order")

    def search(self, term: str) -> Q:
        if term.startswith("ref_"):
            return Q(pk=term)
        if term.startswith("pay_"):
            return Q(payment=term)
        return Q(payment__order=term) if term.startswith("ord_") else Q(reference=term)

    def offers(self, action: str, row: Refund) -> bool:
        return row.state in OPEN_REFUND

    @admin.action(description="Ask the provider now", permissions=[ACT])
    def ask_provider(self, request: HttpRequest, queryset: QuerySet[Refund]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.ASK_PROVIDER)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        ask_each(self, request, confirmed.rows, refunds.ask, reason=confirmed.reason, noun="refund")
        return onward(request, confirmed.rows)

    @admin.display(description="payment")
    def payment_link(self, refund: Refund) -> SafeString:
        return link(Payment, refund.payment_id)

    @admin.display(description="order")
    def order_link(self, refund: Refund) -> SafeString:
        return link(Order, refund.payment.order.pk)

    @admin.display(description="who")
    def actor_shown(self, refund: Refund) -> str:
        return visible(refund.actor)

    @admin.display(description="reason")
    def reason_shown(self, refund: Refund) -> str:
        return visible(refund.reason)

    @admin.display(description="key")
    def key_shown(self, refund: Refund) -> str:
        return visible(refund.key)

    @admin.display(description="why it failed")
    def failure_shown(self, refund: Refund) -> str:
        return visible(refund.failure)

    @admin.display(description="what happened")
    def timeline(self, refund: Refund) -> SafeString:
        return timeline.of_refund(refund)
