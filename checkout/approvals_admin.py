"""The operator's screen of purchases that wait for the merchant's yes."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from checkout import approvals, quotation
from checkout.confirmation import Decision, ask, onward
from checkout.errors import CheckoutError
from checkout.models import Approval, CheckoutSession
from checkout.money import display
from checkout.screens import ACT, NOTHING, ReadOnlyScreen, link, moment
from checkout.untrusted import quoted_data, visible
from interventions.states import OPEN


class Waiting(admin.SimpleListFilter):
    """What waits for a decision, unless something else is asked for. An index answers each."""

    title = "state"
    parameter_name = "decided"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("passed", "approved"), ("denied", "denied"), ("expired", "not answered in time")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": "waiting"}, *others]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if state := self.value():
            return queryset.filter(state=state)
        # A search, and an action on a row, find an approval whatever became of it meanwhile.
        anything = request.method == "POST" or request.GET.get("q")
        return queryset if anything else queryset.filter(state__in=OPEN)


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyScreen):
    """The longest waiting first: all wait equally long, so that is the order of their ends."""

    owned = True
    empty_list_text = (
        "Purchases that wait for your decision would be here. One appears when an agent completes a "
        "session that a policy with approval matches; nothing is charged before you approve."
    )
    list_display = ("id", "waits", "total_shown", "owner_shown", "session_link", "state", "ends")
    list_filter = (Waiting,)
    ordering = ("expires_at",)
    search_fields = ("id",)
    search_help_text = "The whole id of an approval or of a session."
    actions = ("approve", "deny")
    fieldsets = (
        (None, {"fields": ("id_in_full", "owner_in_full", "state", "total_shown", "waits", "ends")}),
        ("What is bought", {"fields": ("session_link", "cart", "delivery")}),
        (
            "The agent's words",
            {"fields": ("buyer_said",), "description": "Received as it is. Shown as text only."},
        ),
        ("What happened", {"fields": ("log",)}),
    )

    APPROVE: ClassVar = Decision(
        action="approve",
        title="Approve purchases",
        will="These purchases may be paid exactly as they are now. Nothing is charged yet: the agent "
        "completes again. If it changes what is bought, you are asked anew.",
        button="Approve",
    )
    DENY: ClassVar = Decision(
        action="deny",
        title="Deny purchases",
        will="These purchases cannot be paid as they are now. The agent is told that you did not approve, "
        "not why, and may change what is bought and ask again.",
        button="Deny",
    )

    def search(self, term: str) -> Q:
        return Q(subject=term) if term.startswith("cs_") else Q(pk=term)

    def offers(self, action: str, row: Approval) -> bool:
        return row.running(timezone.now())

    @admin.action(description="Approve", permissions=[ACT])
    def approve(self, request: HttpRequest, queryset: QuerySet[Approval]) -> HttpResponse | None:
        return self._decide(request, queryset, self.APPROVE, approved=True)

    @admin.action(description="Deny", permissions=[ACT])
    def deny(self, request: HttpRequest, queryset: QuerySet[Approval]) -> HttpResponse | None:
        return self._decide(request, queryset, self.DENY, approved=False)

    def _decide(
        self, request: HttpRequest, queryset: QuerySet[Approval], decision: Decision, *, approved: bool
    ) -> HttpResponse | None:
        """Asks, and once confirmed decides each; every outcome has its audit line."""
        confirmed = ask(self, request, queryset, decision)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        by, done = f"operator:{request.user.get_username()}", "Approved" if approved else "Denied"
        for row in confirmed.rows:
            try:
                approvals.decide(row, approved=approved, actor=by, reason=confirmed.reason)
            except CheckoutError as refusal:
                self.note(request, row, f"Not {done.lower()} ({refusal.code}): {confirmed.reason}")
                text = f"{row.pk} is not {done.lower()}: it does not wait any more."
                self.message_user(request, text, messages.ERROR)
            else:
                self.note(request, row, f"{done}: {confirmed.reason}")
                self.message_user(request, f"{row.pk} is {done.lower()}.", messages.SUCCESS)
        return onward(request, confirmed.rows)

    @admin.display(description="waits for", ordering="created_at")
    def waits(self, row: Approval) -> str:
        return timesince(row.created_at) if row.running(timezone.now()) else NOTHING

    @admin.display(description="ends", ordering="expires_at")
    def ends(self, row: Approval) -> str:
        return moment(row.expires_at)

    @admin.display(description="total")
    def total_shown(self, row: Approval) -> str:
        return display(row.amount, row.currency)

    @admin.display(description="session")
    def session_link(self, row: Approval) -> SafeString:
        return link(CheckoutSession, row.subject)

    @admin.display(description="lines")
    def cart(self, row: Approval) -> SafeString | str:
        session = self._session(row)
        return quotation.as_table(session.quote, session.currency) if session else NOTHING

    @admin.display(description="delivery")
    def delivery(self, row: Approval) -> SafeString | str:
        session = self._session(row)
        return quotation.delivery(session.quote, session.currency) if session else NOTHING

    @admin.display(description="buyer and delivery")
    def buyer_said(self, row: Approval) -> SafeString | str:
        session = self._session(row)
        if session is None:
            return NOTHING
        said = {"buyer": session.buyer, "delivery": session.fulfillment_details}
        return quoted_data({name: value for name, value in said.items() if value}) or NOTHING

    @admin.display(description="moves")
    def log(self, row: Approval) -> SafeString:
        moves = (
            (
                moment(move.at),
                move.from_state or "new",
                move.to_state,
                visible(move.actor),
                visible(move.note),
            )
            for move in row.moves.all()
        )
        return format_html_join("\n", "<div>{} {} &rarr; {} by {} {}</div>", moves)

    @staticmethod
    def _session(row: Approval) -> CheckoutSession | None:
        """What waits, while it still is what the merchant was asked about."""
        if not row.running(timezone.now()):
            return None
        return CheckoutSession.objects.filter(pk=row.subject).first()
