"""The operator's screen of interventions: looked at here, and moved by services. No hash, code or address."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from checkout import challenges
from checkout.confirmation import Decision, ask, onward
from checkout.errors import CheckoutError
from checkout.models import CheckoutSession
from checkout.money import display
from checkout.screens import ACT, NOTHING, ReadOnlyScreen, link, moment, when
from checkout.untrusted import visible
from interventions import services
from interventions.models import Intervention
from interventions.negotiation import Kind
from interventions.states import OPEN


@admin.register(Intervention)
class InterventionAdmin(ReadOnlyScreen):
    """Answered by the indexes of the table."""

    owned = True
    empty_list_text = (
        "What people were asked would be here: one-time codes, pages to confirm at, your own approvals. "
        "One appears when a policy matches what an agent buys."
    )
    list_display = ("id", "kind", "state", "created", "hint", "tried", "sends", "session_link")
    list_filter = ("state", "created_at")
    search_fields = ("id",)
    search_help_text = "The whole id of an intervention or of what waits for it."
    actions = ("send_again", "end", "clear_caps")
    fieldsets = (
        (None, {"fields": ("id_in_full", "session_link", "owner_in_full", "kind", "state", "ended_by")}),
        ("What for", {"fields": ("amount_shown", "channel", "hint", "provider")}),
        ("Challenge", {"fields": ("challenge", "ends", "tried", "sends", "sent")}),
        ("Times", {"fields": ("created", "updated", "expires")}),
        ("Log", {"fields": ("log",)}),
    )

    ends = staticmethod(when("challenge_expires_at", "ends"))
    sent = staticmethod(when("last_sent_at", "last sent"))

    SEND_AGAIN: ClassVar = Decision(
        action="send_again",
        title="Send codes again",
        will="A new code will be sent to where each buyer was written to, and the code before it opens "
        "nothing any more. No limit is lifted: where too many were sent or tried already, nothing is "
        "sent and you are told.",
        button="Send again",
    )
    END: ClassVar = Decision(
        action="end",
        title="End what people are asked",
        will="What these people are asked will be over, as if its time had passed: codes and pages open "
        "nothing any more. Nothing is charged, and the agent's next update asks anew; an approval is asked "
        "for again when the agent completes again.",
        button="End it",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Intervention]:
        return super().get_queryset(request).defer("code_digest", "code_salt", "binding")

    def search(self, term: str) -> Q:
        return Q(pk=term) if term.startswith("int_") else Q(subject=term)

    def offers(self, action: str, row: Intervention) -> bool:
        if action == "send_again":
            return row.state in OPEN and row.kind == Kind.OTP
        if action == "end":
            return row.state in OPEN and _is_of_session(row)
        return bool(row.destination_digest)

    @admin.action(description="Send again", permissions=[ACT])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Intervention]) -> HttpResponse | None:
        verb = challenges.send_again
        return self._carry_out(request, queryset, self.SEND_AGAIN, verb, ("Sent again", "a new code is sent"))

    @admin.action(description="End", permissions=[ACT])
    def end(self, request: HttpRequest, queryset: QuerySet[Intervention]) -> HttpResponse | None:
        verb = challenges.end
        return self._carry_out(request, queryset, self.END, verb, ("Ended", "nobody is asked any more"))

    def _carry_out(
        self,
        request: HttpRequest,
        queryset: QuerySet[Intervention],
        decision: Decision,
        verb: Callable[..., CheckoutSession],
        done: tuple[str, str],
    ) -> HttpResponse | None:
        """Asks, and once confirmed calls `verb` on each row; every outcome has its audit line."""
        confirmed = ask(self, request, queryset, decision)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        by = f"operator:{request.user.get_username()}"
        for row in confirmed.rows:
            try:
                verb(row, actor=by)
            except (CheckoutError, challenges.NotSent) as refusal:
                self.note(request, row, f"Not {done[0].lower()} ({refusal.code}): {confirmed.reason}")
                self.message_user(request, f"{row.pk}: {refusal.message}", messages.ERROR)
            else:
                self.note(request, row, f"{done[0]}: {confirmed.reason}")
                self.message_user(request, f"{row.pk}: {done[1]}.", messages.SUCCESS)
        return onward(request, confirmed.rows)

    @admin.display(description="session")
    def session_link(self, row: Intervention) -> SafeString | str:
        return link(CheckoutSession, row.subject) if _is_of_session(row) else row.subject

    @admin.display(description="amount")
    def amount_shown(self, row: Intervention) -> str:
        return display(row.amount, row.currency) if _is_of_session(row) else NOTHING

    @admin.display(description="attempts")
    def tried(self, row: Intervention) -> str:
        return f"{row.attempts} of {row.attempts_allowed}"

    @admin.display(description="moves")
    def log(self, row: Intervention) -> SafeString:
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

    @admin.action(description="Clear the limits of the destination", permissions=[ACT])
    def clear_caps(self, request: HttpRequest, queryset: QuerySet[Intervention]) -> None:
        """Wrong codes and sends no longer count against these destinations (T15)."""
        for row in queryset:
            services.clear_caps(row)
            self.note(request, row, "Limits of the destination cleared.")
        self.message_user(request, "One-time codes can be sent there and tried again.", messages.SUCCESS)


def _is_of_session(row: Intervention) -> bool:
    """Else it is about something that nobody buys, and is ended where the call is that waits for it."""
    return row.subject.startswith("cs_")
