"""The operator's screen of calls that wait: how each stands, what its agent was asked and said, and how to
ask, deny or end it. Nothing here knows a link, a code or what one can pay with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Exists, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from checkout.confirmation import Confirmed, Decision, ReasonForm, ask, onward
from checkout.errors import CheckoutError
from checkout.models import CheckoutSession
from checkout.screens import ACT, NOTHING, ReadOnlyScreen, link, moment, when
from checkout.untrusted import quoted, visible
from gateway import subjects
from gateway.aauth import ending, requirements
from gateway.deferring import Lost
from gateway.pending_models import PendingRequest
from gateway.pending_states import OPEN, PendingState
from gateway.person_models import Grant
from gateway.question_forms import AskForm
from interventions import clarifications
from interventions.errors import InterventionError, NothingAsked
from interventions.models import Clarification
from interventions.questions import LONGEST_ANSWER, LONGEST_QUESTION, MOST_ROUNDS

HISTORY = "agentic_pending_request_history"
ABOUT: dict[str, type[Model]] = {"cs": CheckoutSession, "grt": Grant}
"""Whose page shows what a call is about."""
ASK = "ask"
"""The permission that asking needs."""


class Waiting(admin.SimpleListFilter):
    """What waits now is found by an index."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "waits"), *((state, state) for state in PendingState.values if state not in OPEN)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if (state := self.value()) == "open":
            return queryset.filter(state__in=OPEN)
        return queryset.filter(state=state) if state else queryset


@admin.register(PendingRequest)
class PendingRequestAdmin(ReadOnlyScreen):
    owned = True
    empty_list_text = (
        "Calls of agents that wait for a person, for you, or for the agent's own answer would be here. One "
        "appears when an agent with an identity of its own buys something that somebody has to confirm, or "
        "wants to be granted something by its person."
    )
    list_display = ("id", "state", "owner_shown", "session_link", "operation", "asks", "rounds", "expires")
    list_deferred = ("held_body", "browser_digest", "callback_url", "terminal_body", "terminal_detail")
    list_filter = (Waiting, "created_at")
    search_fields = ("id",)
    search_help_text = "The whole id of a call, or of the session or grant that it is about."
    actions = ("ask_agent", "take_back", "deny", "end_now")
    fieldsets = (
        (None, {"fields": ("id_in_full", "owner_in_full", "session_link", "operation", "state", "asks_now")}),
        (
            "Questions to the agent",
            {
                "fields": ("takes_questions", "rounds_left", "history", "export_link"),
                "description": "Answers are the agent's own words: untrusted, and shown as text only.",
            },
        ),
        ("How it ended", {"fields": ("terminal_status", "terminal_error", "delivered")}),
        ("Times", {"fields": ("created", "updated", "polled", "expires")}),
    )

    polled = staticmethod(when("last_polled_at", "last asked after"))
    delivered = staticmethod(when("delivered_at", "end told"))

    ASK_AGENT: ClassVar = Decision(
        action="ask_agent",
        title="Ask the agent",
        will="Whatever the agent is told of this call next is your question. Until it has answered, nobody "
        "else is asked. One question is open at a time, and there are five in all.",
        button="Ask",
    )
    TAKE_BACK: ClassVar = Decision(
        action="take_back",
        title="Take questions back",
        will="What these agents are asked now is asked no more. It stays one of the five questions.",
        button="Take back",
    )
    DENY: ClassVar = Decision(
        action="deny",
        title="Deny calls",
        will="These calls, and others that wait for the same session, end without having been carried out. "
        "Nothing is charged or granted, what people were sent opens nothing any more, and the agent is told "
        "no, not why.",
        button="Deny",
    )
    END: ClassVar = Decision(
        action="end_now",
        title="Expire calls",
        will="These calls are over as if their time had passed. Nothing is charged or granted, and the agent "
        "may start afresh.",
        button="Expire",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PendingRequest]:
        rows: QuerySet[PendingRequest] = (
            super().get_queryset(request).defer("held_body", "browser_digest", "terminal_body")
        )
        about = Clarification.objects.filter(subject=OuterRef("subject"))
        counted = about.order_by().values("subject").annotate(count=Count("pk")).values("count")
        return rows.annotate(
            is_asked=Exists(about.filter(state=Clarification.OPEN)),
            asked_so_far=Coalesce(Subquery(counted), 0),
        )

    def get_urls(self) -> list[URLPattern]:
        history = self.admin_site.admin_view(self.as_json)
        return [path("<str:pk>/history.json", history, name=HISTORY), *super().get_urls()]

    def has_ask_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("agentic_interventions.ask_clarification"))

    def search(self, term: str) -> Q:
        return Q(pk=term) if term.startswith("prq_") else Q(subject=term)

    def offers(self, action: str, row: PendingRequest) -> bool:
        if row.state not in OPEN:
            return False
        if action == "ask_agent":
            return not _hindrance(row)
        return bool(row.is_asked) if action == "take_back" else True  # type: ignore[attr-defined]

    # Actions --------------------------------------------------------------------------------

    @admin.action(description="Ask the agent", permissions=[ASK])
    def ask_agent(self, request: HttpRequest, queryset: QuerySet[PendingRequest]) -> HttpResponse | None:
        rows = list(queryset[:2])
        if len(rows) != 1:
            self.message_user(request, "Ask one agent at a time.", messages.ERROR)
            return None
        if problem := _hindrance(rows[0]):
            self.message_user(request, f"{rows[0].pk}: {problem}", messages.ERROR)
            return onward(request, rows)
        confirmed = ask(self, request, queryset, self.ASK_AGENT, AskForm)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        self._each(
            request, confirmed, ("Asked", "the agent is asked"), lambda row, by: _ask(row, by, confirmed)
        )
        return onward(request, confirmed.rows)

    @admin.action(description="Take the question back", permissions=[ASK])
    def take_back(self, request: HttpRequest, queryset: QuerySet[PendingRequest]) -> HttpResponse | None:
        return self._decide(request, queryset, self.TAKE_BACK, ("Taken back", "nothing is asked"), _take_back)

    @admin.action(description="Deny", permissions=[ACT])
    def deny(self, request: HttpRequest, queryset: QuerySet[PendingRequest]) -> HttpResponse | None:
        done = ("Denied", "the agent is told no")
        return self._decide(request, queryset, self.DENY, done, _deny)

    @admin.action(description="Expire", permissions=[ACT])
    def end_now(self, request: HttpRequest, queryset: QuerySet[PendingRequest]) -> HttpResponse | None:
        done = ("Expired", "nobody waits any more")
        return self._decide(request, queryset, self.END, done, _expire)

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[PendingRequest],
        decision: Decision,
        done: tuple[str, str],
        verb: Callable[[PendingRequest, str], None],
    ) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, decision, ReasonForm)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        self._each(request, confirmed, done, verb)
        return onward(request, confirmed.rows)

    def _each(
        self,
        request: HttpRequest,
        confirmed: Confirmed[PendingRequest],
        done: tuple[str, str],
        verb: Callable[[PendingRequest, str], None],
    ) -> None:
        """Every outcome has its audit line."""
        by = f"operator:{request.user.get_username()}"
        why = visible(str(confirmed.answers.get("reason") or confirmed.answers.get("question") or ""))
        for row in confirmed.rows:
            try:
                verb(row, by)
            except (InterventionError, CheckoutError) as refusal:
                self.note(request, row, f"Not {done[0].lower()} ({refusal.code}): {why}")
                self.message_user(request, f"{row.pk}: {refusal.message}", messages.ERROR)
            except Lost:
                self.note(request, row, f"Not {done[0].lower()} (conflict): {why}")
                text = f"{row.pk} has ended, or is being carried out at this moment."
                self.message_user(request, text, messages.ERROR)
            else:
                self.note(request, row, f"{done[0]}: {why}")
                self.message_user(request, f"{row.pk}: {done[1]}.", messages.SUCCESS)

    # What is shown --------------------------------------------------------------------------

    @transaction.non_atomic_requests
    def as_json(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Every round, in full and in the shape that older texts of AAuth store (AA-113)."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = PendingRequest.objects.filter(pk=pk).only("subject").first()
        if row is None:
            raise Http404
        told = {
            **subjects.of(row.subject).members(row.subject, ""),
            "rounds": clarifications.export(row.subject),
            "clarification_history": clarifications.responses(row.subject),
        }
        return JsonResponse(told, headers={"Cache-Control": "no-store"})

    @admin.display(description="about")
    def session_link(self, row: PendingRequest) -> SafeString | str:
        about = ABOUT.get(subjects.prefix_of(row.subject))
        shown = about is not None and self.admin_site.is_registered(about)
        return link(about, row.subject) if about is not None and shown else row.subject

    @admin.display(description="agent is asked", boolean=True)
    def asks(self, row: PendingRequest) -> bool:
        return bool(row.is_asked)  # type: ignore[attr-defined]

    @admin.display(description="questions")
    def rounds(self, row: PendingRequest) -> str:
        return f"{row.asked_so_far} of {MOST_ROUNDS}"  # type: ignore[attr-defined]

    @admin.display(description="waits for")
    def asks_now(self, row: PendingRequest) -> str:
        if row.state not in OPEN:
            return NOTHING
        asked = requirements.of(row)
        kind = f" ({asked.kind})" if asked.kind else ""
        return f"{asked.asked or 'nothing: it is carried out'}{kind}"

    @admin.display(description="takes questions", boolean=True)
    def takes_questions(self, row: PendingRequest) -> bool:
        return "clarification" in row.capabilities

    @admin.display(description="questions left")
    def rounds_left(self, row: PendingRequest) -> str:
        left = clarifications.rounds_left(row.subject)
        problem = _hindrance(row) if row.state in OPEN else ""
        return f"{left} of {MOST_ROUNDS}" + (f". {problem}" if problem else "")

    @admin.display(description="as JSON")
    def export_link(self, row: PendingRequest) -> SafeString:
        return format_html('<a href="{}">history.json</a>', reverse(f"admin:{HISTORY}", args=(row.pk,)))

    @admin.display(description="questions and answers")
    def history(self, row: PendingRequest) -> SafeString | str:
        rounds = (
            (
                one.number,
                moment(one.asked_at),
                one.source,
                visible(one.asked_by),
                visible(one.question, longest=LONGEST_QUESTION),
                _said(one),
            )
            for one in clarifications.history(row.subject)
        )
        text = "<div>{}. {} {} {}: <q><bdi>{}</bdi></q><br>{}</div>"
        return format_html_join("\n", text, rounds) or NOTHING


def _said(row: Clarification) -> SafeString | str:
    if row.state == Clarification.REPLACED:
        why = quoted(row.answer, label="The agent wrote", longest=LONGEST_ANSWER)
        return format_html("another request instead ({}) {}", moment(row.answered_at), why)
    if row.state != Clarification.ANSWERED:
        words = {
            Clarification.OPEN: f"not answered yet; until {moment(row.expires_at)}",
            Clarification.UNANSWERED: f"no answer until {moment(row.expires_at)}",
        }
        return words.get(row.state, "taken back")
    chosen = "one of the options" if row.matched else "its own words"
    answer = quoted(row.answer, label="The agent answered", longest=LONGEST_ANSWER)
    return format_html("{} ({}, {})", answer, moment(row.answered_at), chosen)


def _hindrance(row: PendingRequest) -> str:
    """Why its agent cannot be asked now; "" when it can."""
    if row.state not in OPEN:
        return "This call does not wait any more."
    if "clarification" not in row.capabilities:
        return "This agent takes no questions."
    if not clarifications.rounds_left(row.subject):
        return f"All {MOST_ROUNDS} questions were asked. Decide with what the agent has said."
    if clarifications.open_of(row.subject) is not None:
        return "A question is open, and there is one at a time."
    return ""


def _ask(row: PendingRequest, by: str, confirmed: Confirmed[PendingRequest]) -> None:
    clarifications.ask(
        row.subject,
        confirmed.answers["question"],
        source=Clarification.OPERATOR,
        asked_by=by,
        options=confirmed.answers["options"],
        timeout_seconds=confirmed.answers["timeout_seconds"],
    )


def _take_back(row: PendingRequest, by: str) -> None:
    if not clarifications.withdraw(row.subject, actor=by):
        raise NothingAsked


def _expire(row: PendingRequest, by: str) -> None:
    """As when time ends it: abandoned, when the person had come (AA-078)."""
    ending.end(row, subjects.late(row), actor=by)


def _deny(row: PendingRequest, by: str) -> None:
    """With every other call that waits for the same purchase."""
    ending.deny(row, actor=by)
