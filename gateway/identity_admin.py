"""What operators decide about agents that sign, and see of the issuers that vouch for them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from checkout.confirmation import Decision, ask, onward
from checkout.screens import ACT, NOTHING, ReadOnlyScreen, Screen, when
from checkout.untrusted import visible
from gateway import agents
from gateway.models import Agent
from gateway.pending_models import Issuer


class CameFilter(admin.SimpleListFilter):
    """Whether an operator gave the agent a key, or it came with an identity of its own."""

    title = "known by"
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("key", "A key"), ("identity", "An identity of its own"), ("new", "Not yet looked at")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Agent]) -> QuerySet[Agent]:
        match self.value():
            case "key":
                return queryset.filter(issuer="")
            case "identity":
                return queryset.exclude(issuer="")
            case "new":
                return queryset.filter(known=False)
        return queryset


class IdentityActions(Screen):
    """Deciding about agents, for the screen of agents."""

    KNOW: ClassVar = Decision(
        action="know",
        title="Mark as known",
        will="You have looked at these agents. They may do all that agents may, whatever the setting says of "
        "unknown ones, and policies can be for them.",
        button="Mark as known",
    )
    BLOCK: ClassVar = Decision(
        action="block",
        title="Block",
        will="These agents are refused, from the next request on: their keys, and what they sign. Their "
        "sessions and orders stay.",
        button="Block these agents",
    )
    ALLOW: ClassVar = Decision(
        action="allow",
        title="Allow again",
        will="These agents are let in again, with the keys that work, and with what they sign.",
        button="Allow these agents",
    )

    seen = staticmethod(when("seen_at", "last seen"))

    def offers(self, action: str, row: Any) -> bool:
        match action:
            case "know":
                return bool(not row.known)
            case "block":
                return bool(row.active)
            case "allow":
                return not row.active
        return super().offers(action, row)

    @admin.action(description="Mark as known", permissions=[ACT])
    def know(self, request: HttpRequest, queryset: QuerySet[Agent]) -> HttpResponse | None:
        return self._decided(request, queryset, self.KNOW, "known", agents.know)

    @admin.action(description="Block", permissions=[ACT])
    def block(self, request: HttpRequest, queryset: QuerySet[Agent]) -> HttpResponse | None:
        return self._decided(request, queryset, self.BLOCK, "blocked", agents.block)

    @admin.action(description="Allow again", permissions=[ACT])
    def allow(self, request: HttpRequest, queryset: QuerySet[Agent]) -> HttpResponse | None:
        return self._decided(request, queryset, self.ALLOW, "allowed", agents.allow)

    def _decided(
        self, request: HttpRequest, queryset: QuerySet[Agent], decision: Decision, done: str, act: Any
    ) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, decision)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        for agent in confirmed.rows:
            outcome = done if act(agent) else f"{done} already"
            self.note(request, agent, f"The agent is {outcome}: {confirmed.reason}")
            self.message_user(request, f"{agent.name}: {outcome}.", messages.SUCCESS)
        return onward(request, confirmed.rows)

    @admin.display(description="vouched for by")
    def issuer_shown(self, agent: Agent) -> str:
        return visible(agent.issuer) if agent.issuer else NOTHING

    @admin.display(description="identity")
    def identity_shown(self, agent: Agent) -> str:
        return visible(agent.identity) if agent.identity else NOTHING

    @admin.display(description="person server, as it says")
    def person_server_shown(self, agent: Agent) -> str:
        return visible(agent.person_server) if agent.person_server else NOTHING

    @admin.display(description="last key")
    def last_key_shown(self, agent: Agent) -> str:
        return visible(agent.last_key) if agent.last_key else NOTHING


@admin.register(Issuer)
class IssuerAdmin(ReadOnlyScreen):
    """What was fetched; issuers that are pinned in the settings are not asked, and not here."""

    empty_list_text = (
        "Issuers of agents that sign would be here. One appears when an agent comes that it vouches for."
    )
    list_display = ("issuer_said", "document", "fetched", "tried", "key_count")
    search_fields = ("issuer",)
    search_help_text = "The whole name, such as https://agents.example."
    fields = ("issuer_said", "document", "name_said", "key_names", "fetched", "tried")

    fetched = staticmethod(when("fetched_at"))
    tried = staticmethod(when("tried_at"))

    def search(self, term: str) -> Q:
        return Q(issuer=term)

    @admin.display(description="issuer")
    def issuer_said(self, row: Issuer) -> str:
        return visible(row.issuer)

    @admin.display(description="name, as it says")
    def name_said(self, row: Issuer) -> str:
        return visible(str(row.metadata.get("name", ""))) or NOTHING

    @admin.display(description="keys")
    def key_count(self, row: Issuer) -> int:
        return len(row.keys)

    @admin.display(description="names of its keys")
    def key_names(self, row: Issuer) -> str:
        return ", ".join(visible(str(entry.get("kid", "")), longest=80) for entry in row.keys) or NOTHING
