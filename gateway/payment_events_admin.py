"""The operator's screen of what the payment provider told us by itself."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from checkout.confirmation import Decision, ask, onward
from checkout.models import Payment
from checkout.screens import ACT, ReadOnlyScreen, link, when
from checkout.untrusted import visible
from gateway import payment_events
from gateway.models import PaymentEvent


@admin.register(PaymentEvent)
class PaymentEventAdmin(ReadOnlyScreen):
    """What is in quarantine comes first. All disappear after PAYMENT_EVENTS_KEEP_DAYS."""

    empty_list_text = (
        "What the payment provider told us by itself would be here. One appears with each genuine message "
        "to payments/webhook."
    )
    list_display = ("id", "type_shown", "about", "payment_link", "state", "reason_shown", "created")
    list_filter = ("state",)
    ordering = (F("state").desc(), "-created_at")
    search_fields = ("id",)
    search_help_text = "The whole id of an event, ours or the provider's, or of a payment."
    fields = (
        "id_in_full",
        "provider",
        "event",
        "type_shown",
        "about",
        "payment_link",
        "state",
        "reason_shown",
        "processed",
        "created",
    )
    actions = ("process_again",)

    processed = staticmethod(when("processed_at"))

    AGAIN: ClassVar = Decision(
        action="process_again",
        title="Process payment events again",
        will="The payment provider is asked once more about the payment of each, and its answer recorded.",
        button="Process them again",
    )

    def search(self, term: str) -> Q:
        return Q(pk=term) | Q(event=term) | Q(attempt=term) | Q(reference=term)

    @admin.display(description="type")
    def type_shown(self, row: PaymentEvent) -> str:
        return visible(row.type)

    @admin.display(description="reason")
    def reason_shown(self, row: PaymentEvent) -> str:
        return visible(row.reason)

    @admin.display(description="payment")
    def payment_link(self, row: PaymentEvent) -> SafeString | str:
        known = row.attempt and row.reason != payment_events.UNKNOWN
        return link(Payment, row.attempt) if known else visible(row.attempt or row.reference)

    @admin.action(description="Process again", permissions=[ACT])
    def process_again(self, request: HttpRequest, queryset: QuerySet[PaymentEvent]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.AGAIN)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        for row in confirmed.rows:
            done = payment_events.process_again(row.pk)
            outcome = "due again" if done else "gone"
            self.note(request, row, f"The event is {outcome}: {confirmed.reason}")
            level: Any = messages.SUCCESS if done else messages.WARNING
            self.message_user(request, f"Payment event {row.pk} is {outcome}.", level)
        return onward(request, confirmed.rows)
