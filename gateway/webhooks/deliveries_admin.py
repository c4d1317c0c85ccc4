"""The operator's screen of deliveries: what agents were told, what is on its way, what is dead."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from checkout.confirmation import Decision, ask, onward
from checkout.models import Order
from checkout.screens import ACT, ReadOnlyScreen, link, when
from gateway.models import WebhookDelivery, WebhookEndpoint
from gateway.webhooks import deliveries


class DeliveryState(admin.SimpleListFilter):
    """Dead and open ones are found by partial indexes."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in ("dead", "open", "delivered")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "dead":
                return queryset.filter(dead_at__isnull=False)
            case "open":
                return queryset.filter(deliveries.OPEN)
            case "delivered":
                return queryset.filter(delivered_at__isnull=False)
        return queryset


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyScreen):
    """What is dead comes first. Delivered ones disappear after WEBHOOK_KEEP_DAYS."""

    empty_list_text = (
        "What agents are told of their orders would be here. One appears with each event of an order "
        "whose agent has an endpoint."
    )
    list_display = (
        "id",
        "agent",
        "type",
        "order_link",
        "sequence",
        "state",
        "tries",
        "status",
        "error",
        "next_try",
    )
    list_select_related = ("endpoint__agent",)
    list_filter = (DeliveryState, "endpoint__agent")
    ordering = (F("dead_at").desc(nulls_last=True), "-created_at")
    search_fields = ("id",)
    search_help_text = "The whole id of a delivery, event, order or endpoint."
    fields = (
        "id_in_full",
        "event",
        "type",
        "order_link",
        "sequence",
        "endpoint_link",
        "state",
        "tries",
        "status",
        "error",
        "next_try",
        "leased_until",
        "delivered",
        "dead",
        "created",
    )
    actions = ("replay", "give_up")

    next_try = staticmethod(when("next_try_at", "next try"))
    leased_until = staticmethod(when("lease_until", "being sent until"))
    delivered = staticmethod(when("delivered_at"))
    dead = staticmethod(when("dead_at"))

    REPLAY: ClassVar = Decision(
        action="replay",
        title="Replay dead deliveries",
        will="The dead ones among these are sent again at once, under the same event id and with all their "
        "tries. They carry the order as it is now. Those of disabled endpoints and inactive agents "
        "are left alone.",
        button="Replay them",
    )
    GIVE_UP: ClassVar = Decision(
        action="give_up",
        title="Give deliveries up",
        will="The open ones among these are dead, and the next event of the same order may go. Nothing is "
        "sent. They can be replayed.",
        button="Give them up",
    )

    def search(self, term: str) -> Q:
        if term.startswith("ord_"):
            return Q(order=term)
        return Q(pk=term) | Q(endpoint=term) | Q(event=term)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup == "endpoint__agent__id__exact" or super().lookup_allowed(lookup, value, request)

    def offers(self, action: str, row: WebhookDelivery) -> bool:
        if action == "replay":
            return row.dead_at is not None
        return row.dead_at is None and row.delivered_at is None

    @admin.display(description="agent")
    def agent(self, delivery: WebhookDelivery) -> str:
        return delivery.endpoint.agent.name

    @admin.display(description="order")
    def order_link(self, delivery: WebhookDelivery) -> SafeString:
        return link(Order, delivery.order)

    @admin.display(description="endpoint")
    def endpoint_link(self, delivery: WebhookDelivery) -> SafeString:
        return link(WebhookEndpoint, delivery.endpoint_id)

    @admin.display(description="state")
    def state(self, delivery: WebhookDelivery) -> str:
        if delivery.delivered_at:
            return "delivered"
        if delivery.dead_at:
            return "dead"
        if delivery.lease_until and delivery.lease_until > timezone.now():
            return "being sent"
        return "waiting" if delivery.next_try_at > timezone.now() else "due"

    @admin.action(description="Replay", permissions=[ACT])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.REPLAY)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        for row in confirmed.rows:
            done = deliveries.replay(row.pk)
            self._tell(request, row, "due again" if done else "left alone", confirmed.reason, good=done)
        return onward(request, confirmed.rows)

    @admin.action(description="Give up", permissions=[ACT])
    def give_up(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.GIVE_UP)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        for row in confirmed.rows:
            done = deliveries.give_up(row.pk)
            self._tell(request, row, "given up" if done else "left alone", confirmed.reason, good=done)
        return onward(request, confirmed.rows)

    def _tell(
        self, request: HttpRequest, row: WebhookDelivery, outcome: str, reason: str, *, good: bool
    ) -> None:
        self.note(request, row, f"The delivery is {outcome}: {reason}")
        level = messages.SUCCESS if good else messages.WARNING
        self.message_user(request, f"Delivery {row.pk} ({row.event}) is {outcome}.", level)
