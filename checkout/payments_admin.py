"""The operator's screen of payments: ask the provider, capture what was shipped."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from checkout import settlement, timeline
from checkout.asking_provider import ask_each
from checkout.confirmation import Decision, ask, onward
from checkout.errors import ProviderUnavailable
from checkout.models import Order, Payment
from checkout.ports import ports
from checkout.reconciliation import healing
from checkout.screens import ACT, NOTHING, PurchaseScreen, link
from checkout.states import LIVE_ATTEMPT, PaymentState
from checkout.untrusted import visible


@admin.register(Payment)
class PaymentAdmin(PurchaseScreen):
    """Attempts to be paid. Filter and search are answered by indexes."""

    empty_list_text = (
        "Attempts to be paid would be here. One appears when an agent completes a session, "
        "before the payment provider is called."
    )
    list_display = ("id", "session_link", "state", "amount_shown", "reference", "created", "updated")
    list_filter = ("state", "created_at")
    search_fields = ("id",)
    search_help_text = "The whole id of a payment, session or order, or the provider's reference."
    actions = ("ask_provider", "capture")
    fieldsets = (
        (None, {"fields": ("id_in_full", "session_link", "order_link", "state", "amount_shown")}),
        ("Provider", {"fields": ("handler_id", "reference", "decline_code", "claim")}),
        ("3-D Secure", {"fields": ("liability_shift", "brought", "ds_transaction_id")}),
        ("Timeline", {"fields": ("timeline", "created", "updated")}),
    )

    ASK_PROVIDER: ClassVar = Decision(
        action="ask_provider",
        title="Ask the payment provider now",
        will="The provider is asked what became of these payments, and its answer is recorded. If the money "
        "is authorized, the order is placed. Nothing new is charged.",
        button="Ask the provider",
    )
    CAPTURE: ClassVar = Decision(
        action="capture",
        title="Capture payments",
        will="The authorized money of these payments is taken from the buyer, once. Only payments whose "
        "order exists are captured.",
        button="Take the money",
    )

    def search(self, term: str) -> Q:
        if term.startswith("pay_"):
            return Q(pk=term)
        if term.startswith("cs_"):
            return Q(session=term)
        if term.startswith("ord_"):
            return Q(order=term)
        return Q(reference=term)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Capturing by hand where the merchant says when; else for what the outbox did not take in time."""
        actions = super().get_actions(request)
        if not hasattr(request, SOMETHING):  # asked several times for one page
            setattr(request, SOMETHING, ports().rules.capture == "on_shipment" or _overdue().exists())
        if not getattr(request, SOMETHING):
            actions.pop("capture", None)
        return actions

    def offers(self, action: str, row: Payment) -> bool:
        if action == "capture":
            return _may_be_captured(row)
        return row.state in LIVE_ATTEMPT

    @admin.action(description="Ask the provider now", permissions=[ACT])
    def ask_provider(self, request: HttpRequest, queryset: QuerySet[Payment]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.ASK_PROVIDER)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        ask_each(self, request, confirmed.rows, settlement.settle, reason=confirmed.reason, noun="payment")
        return onward(request, confirmed.rows)

    @admin.action(description="Capture", permissions=[ACT])
    def capture(self, request: HttpRequest, queryset: QuerySet[Payment]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.CAPTURE)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        for payment in confirmed.rows:
            outcome, level = _capture(payment)
            self.note(request, payment, f"Capture: {confirmed.reason}. {outcome}")
            self.message_user(request, f"Payment {payment.pk}: {outcome}", level)
        return onward(request, confirmed.rows)

    @admin.display(description="order")
    def order_link(self, payment: Payment) -> SafeString | str:
        order = Order.objects.filter(payment=payment.pk).only("pk").first()
        return link(Order, order.pk) if order else NOTHING

    @admin.display(description="what happened")
    def timeline(self, payment: Payment) -> SafeString:
        return timeline.of_payment(payment)


SOMETHING = "_agentic_something_to_capture"


def _overdue() -> QuerySet[Payment]:
    """Authorized for so long that nothing of it can be on its way."""
    return Payment.objects.filter(state=PaymentState.AUTHORIZED, updated_at__lte=healing.edge())


def _may_be_captured(payment: Payment) -> bool:
    """Authorized, and its order is placed: money is taken for orders only (decision 36). Where the outbox
    takes it at once, by hand only what it has not taken for too long."""
    if ports().rules.capture != "on_shipment" and not _overdue().filter(pk=payment.pk).exists():
        return False
    return payment.state == PaymentState.AUTHORIZED and Order.objects.filter(payment=payment.pk).exists()


def _capture(payment: Payment) -> tuple[str, int]:
    """What came of capturing, in words, and how good that is."""
    if not _may_be_captured(payment):
        return "Not captured: it is not authorized, or has no order.", messages.ERROR
    try:
        settlement.capture(payment.pk)
    except settlement.CaptureRefused as refusal:
        return f"The provider refused: {visible(str(refusal))}.", messages.ERROR
    except ProviderUnavailable as problem:
        return problem.message, messages.WARNING
    payment.refresh_from_db()
    return f"The payment is {payment.state}.", messages.SUCCESS
