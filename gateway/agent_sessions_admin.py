"""The operator's screen of agents' sessions: who visits, as they say of themselves, and how to stop them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from checkout.confirmation import CONFIRMED, Decision, ReasonForm, ask, onward
from checkout.screens import ACT, ReadOnlyScreen, when
from checkout.untrusted import quoted, visible
from gateway.interaction_api import sessions
from gateway.session_models import AgentSession

REVOKE_ALL = "agentic_agent_sessions_revoke_all"
STATES = {
    sessions.BY_AGENT: "ended by the agent",
    sessions.AT_DEADLINE: "over",
    sessions.REVOKED: "revoked",
}


class SessionState(admin.SimpleListFilter):
    """Live ones are found by a partial index."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("live", "live"), *STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        match self.value():
            case "live":
                return queryset.filter(ended_at=None, expires_at__gt=now)
            case sessions.AT_DEADLINE:
                # Until the sweep comes, nothing but the clock says so.
                overdue = Q(ended_at=None, expires_at__lte=now, ended_because="")
                return queryset.filter(overdue | Q(ended_because=sessions.AT_DEADLINE))
            case sessions.BY_AGENT | sessions.REVOKED as why:
                return queryset.filter(ended_because=why)
        return queryset


@admin.register(AgentSession)
class AgentSessionAdmin(ReadOnlyScreen):
    """Sessions disappear AGENT_SESSION_KEEP_DAYS after their end. Nothing here knows a token."""

    change_list_template = "admin/agentic_gateway/agent_sessions.html"
    empty_list_text = (
        "Sessions of agents that know nothing but this site's address would be here. One appears when such "
        "an agent wants to fill a cart."
    )
    list_display = ("id", "token", "agent_shown", "state", "created", "expires", "ended")
    list_deferred = ("digest", "opener", "purpose")
    list_filter = (SessionState, "created_at")
    search_fields = ("id",)
    search_help_text = "The whole id or owner text of a session."
    fields = (
        "id_in_full",
        "token",
        "state",
        "agent_said",
        "version_said",
        "purpose_said",
        "created",
        "expires",
        "ended",
        "activity",
    )
    actions = ("revoke",)

    ended = staticmethod(when("ended_at"))

    REVOKE: ClassVar = Decision(
        action="revoke",
        title="Revoke sessions",
        will="The tokens of these sessions work no more, from the next request on. Links that people were "
        "given stay as they are. This cannot be undone; an agent may open another session.",
        button="Revoke these sessions",
    )
    REVOKE_ALL: ClassVar = Decision(
        action="revoke_all",
        title="Revoke all sessions",
        will="No token of any agent's session works any more, from the next request on: for when one may "
        "have leaked. Links that people were given stay as they are. This cannot be undone; agents may open "
        "other sessions at once.",
        button="Revoke all sessions",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentSession]:
        return super().get_queryset(request).defer("digest", "opener")

    def get_urls(self) -> list[URLPattern]:
        return [
            path("revoke-all/", self.admin_site.admin_view(self.revoke_all), name=REVOKE_ALL),
            *super().get_urls(),
        ]

    @transaction.non_atomic_requests
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        may = {"agentic_may_act": self.has_act_permission(request)}
        return super().changelist_view(request, {**(extra_context or {}), **may})

    def search(self, term: str) -> Q:
        return Q(pk=term.removeprefix("session:"))

    def offers(self, action: str, row: AgentSession) -> bool:
        return sessions.is_live(row)

    @admin.display(description="token begins with")
    def token(self, session: AgentSession) -> str:
        return f"{sessions.PREFIX}{session.hint}…"

    @admin.display(description="agent (as it says)")
    def agent_shown(self, session: AgentSession) -> str:
        return " ".join(visible(said) for said in (session.agent_name, session.agent_version) if said)

    @admin.display(description="agent")
    def agent_said(self, session: AgentSession) -> SafeString:
        return quoted(session.agent_name)

    @admin.display(description="version")
    def version_said(self, session: AgentSession) -> SafeString:
        return quoted(session.agent_version)

    @admin.display(description="purpose")
    def purpose_said(self, session: AgentSession) -> SafeString:
        return quoted(session.purpose)

    @admin.display(description="state")
    def state(self, session: AgentSession) -> str:
        if sessions.is_live(session):
            return "live"
        return STATES[session.ended_because or sessions.AT_DEADLINE]

    @admin.display(description="activity")
    def activity(self, session: AgentSession) -> SafeString:
        found = reverse("admin:agentic_checkout_checkoutsession_changelist")
        orders = reverse("admin:agentic_checkout_order_changelist")
        html = '<a href="{0}?q={2}">Checkout sessions</a>, <a href="{1}?q={2}">orders</a>'
        return format_html(html, found, orders, session.owner)

    @admin.action(description="Revoke", permissions=[ACT])
    def revoke(self, request: HttpRequest, queryset: QuerySet[AgentSession]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.REVOKE)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        for session in confirmed.rows:
            done = sessions.revoke(session)
            outcome = "revoked" if done else "over already"
            self.note(request, session, f"The session is {outcome}: {confirmed.reason}")
            level = messages.SUCCESS if done else messages.WARNING
            self.message_user(request, f"Session {session.pk}: {outcome}.", level)
        return onward(request, confirmed.rows)

    @transaction.non_atomic_requests
    def revoke_all(self, request: HttpRequest) -> HttpResponse:
        """Asked first; then every session is cut off, and the history says who did it and why."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        form = ReasonForm(request.POST) if CONFIRMED in request.POST else ReasonForm()
        if not form.is_valid():
            context = {
                **self.admin_site.each_context(request),
                "title": self.REVOKE_ALL.title,
                "decision": self.REVOKE_ALL,
                "rows": (),
                "form": form,
                "opts": self.opts,
                "media": self.media,
            }
            return TemplateResponse(request, "admin/agentic_checkout/confirm.html", context)
        count = sessions.revoke_all()
        operator: Any = request.user
        LogEntry.objects.create(
            user_id=operator.pk,
            content_type_id=ContentType.objects.get_for_model(AgentSession).pk,
            object_repr="all agent sessions",
            action_flag=CHANGE,
            change_message=f"Revoked {count} session(s): {form.cleaned_data['reason']}",
        )
        self.message_user(request, f"Revoked {count} session(s).", messages.SUCCESS)
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
