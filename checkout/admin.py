"""The operator's screens of sessions and of what moved. Everything here is moved by services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from checkout import (
    approvals_admin,
    carts_admin,
    interventions_admin,
    obligations,
    orders_admin,
    passkeys_admin,
    payments_admin,
    policies_admin,
    quotation,
    refunds_admin,
    services,
    timeline,
)
from checkout.confirmation import Decision, ask, onward
from checkout.errors import CheckoutError
from checkout.models import Break, CheckoutSession, Order, Payment, Refund, SandboxCharge, StateMove
from checkout.money import display
from checkout.ports import ports
from checkout.reconciliation import admin as reconciliation_admin
from checkout.screens import ACT, NOTHING, PurchaseScreen, ReadOnlyScreen, link, outside, when
from checkout.states import SessionState
from checkout.untrusted import quoted, quoted_data, visible

# Read with this module: their screens register themselves.
__all__ = [
    "approvals_admin",
    "carts_admin",
    "interventions_admin",
    "orders_admin",
    "passkeys_admin",
    "payments_admin",
    "policies_admin",
    "reconciliation_admin",
    "refunds_admin",
]


class Currency(admin.SimpleListFilter):
    """What the merchant sells in; the distinct values of the column would cost a scan."""

    title = "currency"
    parameter_name = "currency"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(code, code.upper()) for code in ports().catalog.currencies()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(currency=self.value()) if self.value() else queryset


@admin.register(CheckoutSession)
class CheckoutSessionAdmin(ReadOnlyScreen):
    """Filter by state or age: an index each. By currency alone: the rows of that age are read."""

    owned = True
    empty_list_text = (
        "What agents are buying would be here. A session appears when an agent opens one "
        "over the Agentic Commerce Protocol."
    )
    list_display = ("id", "owner_shown", "state", "total_shown", "items", "created", "expires")
    list_deferred = (
        "buyer",
        "fulfillment_details",
        "fulfillment_groups",
        "selected_options",
        "capabilities",
        "extras",
        "quote",
    )
    list_filter = ("state", Currency, "created_at")
    search_fields = ("id",)
    search_help_text = "The whole id of a session, order or payment, or an agent's name or owner text."
    actions = ("cancel", "end_challenge")
    fieldsets = (
        (None, {"fields": ("id_in_full", "owner_in_full", "state", "total_shown")}),
        ("Led to", {"fields": ("order_link", "payment_links")}),
        ("Timeline", {"fields": ("timeline",)}),
        ("Cart, as last priced", {"fields": ("cart", "delivery", "problems", "why")}),
        (
            "The agent's words",
            {
                "fields": ("buyer_said", "delivery_said", "options_said", "capabilities_said", "extras_said"),
                "description": "Received as it is. Shown as text only; it decides nothing.",
            },
        ),
        ("Clock", {"fields": ("created", "updated", "expires", "protocol_version")}),
    )

    CANCEL: ClassVar = Decision(
        action="cancel",
        title="Cancel checkout sessions",
        will="These sessions will be canceled for good: nothing will be charged, and the agent sees them "
        "canceled. A session that is being paid or is finished stays as it is.",
        button="Cancel these sessions",
    )

    END_CHALLENGE: ClassVar = Decision(
        action="end_challenge",
        title="End what the buyer is asked",
        will="What the buyers of these sessions are asked now will be over, as if its time had passed: "
        "a code in their mail opens nothing any more. Nothing is charged, and the agent's next update "
        "asks anew.",
        button="End it",
    )

    def search(self, term: str) -> Q:
        if term.startswith("cs_"):
            return Q(pk=term)
        if term.startswith("ord_"):
            return Q(order=term)
        if term.startswith("pay_"):
            return Q(payments=term)
        return Q(owner__in=[term, *outside().owners_named(term)])

    def offers(self, action: str, row: CheckoutSession) -> bool:
        if action == "end_challenge":
            return obligations.asked_now(row, timezone.now()) is not None
        return row.state == SessionState.OPEN

    @admin.action(description="Cancel", permissions=[ACT])
    def cancel(self, request: HttpRequest, queryset: QuerySet[CheckoutSession]) -> HttpResponse | None:
        return self._carry_out(request, queryset, self.CANCEL, self._cancel, "Canceled")

    @admin.action(description="End what the buyer is asked", permissions=[ACT])
    def end_challenge(self, request: HttpRequest, queryset: QuerySet[CheckoutSession]) -> HttpResponse | None:
        return self._carry_out(request, queryset, self.END_CHALLENGE, self._end_challenge, "Ended")

    @staticmethod
    def _cancel(session: CheckoutSession, by: str, reason: str) -> str:
        services.cancel(session.pk, owner=session.owner, seal=services.unsealed, reason=reason, actor=by)
        return f"Session {session.pk} is canceled."

    @staticmethod
    def _end_challenge(session: CheckoutSession, by: str, reason: str) -> str:
        services.end_challenge(session.pk, actor=by)
        return f"Session {session.pk}: the buyer is not asked any more."

    def _carry_out(
        self,
        request: HttpRequest,
        queryset: QuerySet[CheckoutSession],
        decision: Decision,
        verb: Callable[[CheckoutSession, str, str], str],
        done: str,
    ) -> HttpResponse | None:
        """Asks, and once confirmed calls `verb` on each row; every outcome has its audit line."""
        confirmed = ask(self, request, queryset, decision)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        by = f"operator:{request.user.get_username()}"
        for session in confirmed.rows:
            try:
                said = verb(session, by, confirmed.reason)
            except CheckoutError as refusal:
                self.note(request, session, f"Not {done.lower()} ({refusal.code}): {confirmed.reason}")
                self.message_user(request, f"Session {session.pk}: {refusal.message}", messages.ERROR)
            else:
                self.note(request, session, f"{done}: {confirmed.reason}")
                self.message_user(request, said, messages.SUCCESS)
        return onward(request, confirmed.rows)

    @admin.display(description="total")
    def total_shown(self, session: CheckoutSession) -> str:
        return display(session.total, session.currency)

    @admin.display(description="items")
    def items(self, session: CheckoutSession) -> int:
        return sum(line["quantity"] for line in session.lines)

    @admin.display(description="order")
    def order_link(self, session: CheckoutSession) -> SafeString | str:
        order = Order.objects.filter(session=session.pk).only("pk").first()
        return link(Order, order.pk) if order else NOTHING

    @admin.display(description="payments")
    def payment_links(self, session: CheckoutSession) -> SafeString | str:
        payments = session.payments.order_by("created_at")
        rows = ((link(Payment, row.pk), display(row.amount, row.currency), row.state) for row in payments)
        return format_html_join(SafeString("<br>"), "{} {} {}", rows) or NOTHING

    @admin.display(description="what happened")
    def timeline(self, session: CheckoutSession) -> SafeString:
        return timeline.of_session(session)

    @admin.display(description="lines")
    def cart(self, session: CheckoutSession) -> SafeString:
        return quotation.as_table(session.quote, session.currency)

    @admin.display(description="delivery")
    def delivery(self, session: CheckoutSession) -> SafeString | str:
        return quotation.delivery(session.quote, session.currency)

    @admin.display(description="problems")
    def problems(self, session: CheckoutSession) -> SafeString | str:
        return quotation.problems(session.quote)

    @admin.display(description="why a person must act")
    def why(self, session: CheckoutSession) -> SafeString:
        told = quotation.why(session.quote)
        try_out = reverse("admin:agentic_interventions_policy_simulation", query={"session": session.pk})
        return format_html('{}<br><a href="{}">What would it need now?</a>', told, try_out)

    @admin.display(description="buyer")
    def buyer_said(self, session: CheckoutSession) -> SafeString | str:
        return quoted_data(session.buyer) or NOTHING

    @admin.display(description="delivery details")
    def delivery_said(self, session: CheckoutSession) -> SafeString | str:
        said = {"details": session.fulfillment_details, "groups": session.fulfillment_groups}
        return quoted_data({name: value for name, value in said.items() if value}) or NOTHING

    @admin.display(description="delivery options chosen")
    def options_said(self, session: CheckoutSession) -> SafeString | str:
        return quoted_data(session.selected_options) or NOTHING

    @admin.display(description="capabilities declared")
    def capabilities_said(self, session: CheckoutSession) -> SafeString | str:
        return quoted_data(session.capabilities) or NOTHING

    @admin.display(description="notes, metadata and the rest")
    def extras_said(self, session: CheckoutSession) -> SafeString | str:
        return quoted_data(session.extras) or NOTHING


@admin.register(StateMove)
class StateMoveAdmin(ReadOnlyScreen):
    """The log of moves, newest first; found by the id of what moved, which is indexed."""

    empty_list_text = "Every move of a session, payment or break would be here, written as it happens."
    time = staticmethod(when("at", "time"))

    list_display = ("time", "subject_link", "from_state", "to_state", "actor_shown", "note_shown")
    ordering = ("-id",)
    search_fields = ("subject",)
    search_help_text = "The whole id of a session, payment or break."
    fields = list_display

    def search(self, term: str) -> Q:
        return Q(subject=term)

    @admin.display(description="what moved")
    def subject_link(self, move: StateMove) -> SafeString:
        models = {"pay": Payment, "ref": Refund, "brk": Break}
        return link(models.get(move.subject.partition("_")[0], CheckoutSession), move.subject)

    @admin.display(description="who")
    def actor_shown(self, move: StateMove) -> str:
        return visible(move.actor)

    @admin.display(description="note")
    def note_shown(self, move: StateMove) -> SafeString | str:
        if move.actor in timeline.PARTIES:
            return visible(move.note)
        return quoted(move.note, label="Reason given")


@admin.register(SandboxCharge)
class SandboxChargeAdmin(PurchaseScreen):
    """The sandbox provider's books. No real money, so that sorting them may cost a scan."""

    empty_list_text = "What the sandbox payment provider pretended to charge would be here."
    list_display = (
        "reference",
        "key",
        "session_shown",
        "outcome",
        "amount_shown",
        "captured_shown",
        "created",
    )
    search_fields = ("reference",)
    search_help_text = "The whole reference, or the id of a payment or session."
    fields = (*list_display, "refunds")

    def search(self, term: str) -> Q:
        if term.startswith("cs_"):
            return Q(session=term)
        return Q(key=term) if term.startswith("pay_") else Q(pk=term)

    @admin.display(description="session")
    def session_shown(self, charge: SandboxCharge) -> SafeString:
        return link(CheckoutSession, charge.session)

    @admin.display(description="captured")
    def captured_shown(self, charge: SandboxCharge) -> str:
        return display(charge.captured, charge.currency)
