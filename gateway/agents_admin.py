"""The operator's screens of agents and their keys. A key is shown once, when it is made."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables

from checkout.confirmation import Decision, ReasonForm, ask, onward
from checkout.screens import ACT, ReadOnlyScreen, when
from gateway import agents, embedders
from gateway.identity_admin import CameFilter, IdentityActions
from gateway.models import Agent, AgentKey
from gateway.shown_once import shown_once
from gateway.signing_admin import SigningActions, SigningKeyInline

IDENTITY = (
    *("issuer_shown", "identity_shown", "known", "person_server_shown"),
    *("last_key_shown", "seen", "legacy_requests"),
)


@admin.display(description="state")
def key_state(key: AgentKey) -> str:
    if key.revoked_at:
        return "revoked"
    return "expired" if key.expires_at and key.expires_at <= timezone.now() else "works"


class AgentForm(forms.ModelForm):
    """An agent, and on its first day the label of its first key."""

    label = forms.CharField(
        max_length=100, required=False, help_text="Where the first key will be used, for operators."
    )

    class Meta:
        model = Agent
        fields = ("name", "active", "signature_policy", "embed_origins")

    def clean_embed_origins(self) -> str:
        """An origin on each line, each of them one that can be trusted."""
        try:
            return "\n".join(embedders.read(self.cleaned_data["embed_origins"]))
        except ValueError as problem:
            raise ValidationError(str(problem)) from None


class RotateForm(ReasonForm):
    keep_hours = forms.FloatField(
        min_value=0,
        max_value=24 * 30,
        initial=0,
        help_text="The old keys work for so long; 0: they stop now.",
    )
    label = forms.CharField(max_length=100, required=False, help_text="Where the new key will be used.")


class AgentKeyInline(admin.TabularInline):
    """The agent's keys, as far as they can be known."""

    model = AgentKey
    fields = ("label", "state", "created", "expires", "revoked")
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True
    verbose_name_plural = "keys (shown once when made; only a keyed hash is stored)"

    state = staticmethod(key_state)
    created = staticmethod(when("created_at"))
    expires = staticmethod(when("expires_at"))
    revoked = staticmethod(when("revoked_at"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentKey]:
        return super().get_queryset(request).defer("digest")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Agent)
class AgentAdmin(IdentityActions, SigningActions):
    """Agents stay for ever, because sessions and orders name them; switch one off instead.

    A search by part of a name reads them all; by a whole id or identity an index answers.
    """

    form = AgentForm
    empty_list_text = "Agents that may buy here would be here. Add one to get its key."
    list_display = ("name", "issuer_shown", "active", "known", "working_keys", "signature_policy", "seen")
    list_filter = (CameFilter, "active", "known", "signature_policy")
    search_fields = ("id", "name")
    search_help_text = "The whole id or identity, or part of the name."
    inlines = (AgentKeyInline, SigningKeyInline)
    actions = ("know", "block", "allow", "rotate", "revoke", "add_public_key", "make_secret")

    ROTATE: ClassVar = Decision(
        action="rotate",
        title="Give new keys",
        will="Each of these agents gets a new key, shown once on the next page. Its older keys stop working, "
        "now or after the hours you give.",
        button="Make the new keys",
    )
    REVOKE: ClassVar = Decision(
        action="revoke",
        title="Revoke all keys",
        will="No key of these agents works any more, from the next request on. Their sessions and orders "
        "stay. This cannot be undone; new keys can be made.",
        button="Revoke all keys",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        now = timezone.now()
        works = Q(keys__revoked_at=None) & (Q(keys__expires_at=None) | Q(keys__expires_at__gt=now))
        rows: QuerySet[Agent] = super().get_queryset(request).annotate(key_count=Count("keys", filter=works))
        return rows

    def search(self, term: str) -> Q:
        return Q(pk=term) | Q(identity=term) | Q(name__icontains=term)

    def get_fieldsets(self, request: HttpRequest, obj: Agent | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("name", "label")}),)
        shown = ("id_in_full", "name", "active", "signature_policy", "embed_origins", "created", "activity")
        identity = {"fields": IDENTITY, "description": "Vouched for by its issuer, and verified."}
        return ((None, {"fields": shown}), *((("Its own identity", identity),) if obj.issuer else ()))

    def get_readonly_fields(self, request: HttpRequest, obj: Agent | None = None) -> Any:
        return ("id_in_full", "created", "activity", *IDENTITY)

    def get_inlines(self, request: HttpRequest, obj: Agent | None) -> Any:
        return self.inlines if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Agent | None = None) -> bool:
        return False

    @sensitive_variables("key")
    def save_model(self, request: HttpRequest, obj: Agent, form: Any, change: bool) -> None:
        """The edited columns are stored; a new agent is enrolled and has its first key."""
        if change:
            obj.save(update_fields=[name for name in AgentForm.Meta.fields if name in form.changed_data])
            return
        agent, key = agents.enrol(obj.name, label=form.cleaned_data["label"])
        obj.pk = agent.pk
        obj.created_at = agent.created_at
        obj._state.adding = False
        request.agentic_made = [(obj, key)]  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Agent, post_url_continue: Any = None) -> HttpResponse:
        """The key, in this answer and nowhere else: a message would carry it in a cookie."""
        return self._shown_once(request, request.agentic_made)  # type: ignore[attr-defined]

    @admin.action(description="Give a new key", permissions=[ACT])
    @sensitive_variables("made", "key")
    def rotate(self, request: HttpRequest, queryset: QuerySet[Agent]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.ROTATE, RotateForm)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        hours, label = confirmed.answers["keep_hours"], confirmed.answers["label"]
        made = []
        for agent in confirmed.rows:
            key = agents.rotate(agent, keep_hours=hours, label=label)
            self.note(request, agent, f"New key, the older ones work for {hours:g} hours: {confirmed.reason}")
            made.append((agent, key))
        return self._shown_once(request, made)

    @admin.action(description="Revoke all keys", permissions=[ACT])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Agent]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.REVOKE)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        for agent in confirmed.rows:
            count = agents.revoke(agent)
            self.note(request, agent, f"Revoked {count} key(s): {confirmed.reason}")
            self.message_user(request, f"Revoked {count} key(s) of {agent.name}.", messages.SUCCESS)
        return onward(request, confirmed.rows)

    @sensitive_variables("made")
    def _shown_once(self, request: HttpRequest, made: list[tuple[Agent, str]]) -> HttpResponse:
        return shown_once(self, request, made, title="New key", kept="only a keyed hash of it is stored")

    @admin.display(description="working keys")
    def working_keys(self, agent: Any) -> int:
        return int(agent.key_count)

    @admin.display(description="activity")
    def activity(self, agent: Agent) -> SafeString:
        sessions = reverse("admin:agentic_checkout_checkoutsession_changelist")
        orders = reverse("admin:agentic_checkout_order_changelist")
        html = '<a href="{0}?q={2}">Sessions</a>, <a href="{1}?q={2}">orders</a>'
        return format_html(html, sessions, orders, agent.owner)


@admin.register(AgentKey)
class AgentKeyAdmin(ReadOnlyScreen):
    """Keys are made on the agent's page. Nothing here can give one away."""

    empty_list_text = "Keys of agents would be here. Add an agent, or give one a new key, to make one."
    list_display = ("id", "agent", "label", "state", "created", "expires", "revoked")
    list_select_related = ("agent",)
    search_fields = ("id",)
    search_help_text = "The whole id or name of an agent."
    fields = list_display[1:]
    actions = ("revoke",)

    state = staticmethod(key_state)
    revoked = staticmethod(when("revoked_at"))

    REVOKE: ClassVar = Decision(
        action="revoke",
        title="Revoke keys",
        will="These keys work no more, from the next request on. This cannot be undone.",
        button="Revoke these keys",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentKey]:
        return super().get_queryset(request).defer("digest")

    def search(self, term: str) -> Q:
        return Q(agent=term) | Q(agent__name=term)

    def offers(self, action: str, row: AgentKey) -> bool:
        return row.revoked_at is None

    @admin.action(description="Revoke", permissions=[ACT])
    def revoke(self, request: HttpRequest, queryset: QuerySet[AgentKey]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.REVOKE)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        for key in confirmed.rows:
            outcome = "revoked" if agents.revoke_key(key) else "revoked already"
            self.note(request, key, f"The key is {outcome}: {confirmed.reason}")
            self.message_user(request, f"Key {key.pk} of {key.agent.name}: {outcome}.", messages.SUCCESS)
        return onward(request, confirmed.rows)
