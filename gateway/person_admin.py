"""The operator's screens of a person server: whose agents there are, what they were granted, and which tokens
were given out for that. No token is here, and none can be made of what is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from checkout.confirmation import Decision, ask, onward
from checkout.screens import ACT, NOTHING, ReadOnlyScreen, copyable, link, outside, when
from checkout.untrusted import quoted, quoted_data, visible
from gateway import agent_revoking, agents, grants
from gateway.person_models import AgentBinding, Grant, IssuedToken
from gateway.person_states import GrantState
from gateway.persons import persons

LONGEST_WORDS = 4_000


class PersonalScreen(ReadOnlyScreen):
    """Rows of an agent and its person. Found by the whole text that stands for either."""

    owned = True
    prefix = ""
    """What the ids of the rows begin with; "" when nobody searches by them."""

    def search(self, term: str) -> Q:
        if self.prefix and term.startswith(self.prefix):
            return Q(pk=term)
        if term.startswith(agents.SIGNED):
            return Q(owner=term)
        return Q(owner__in=outside().owners_named(term)) | Q(person=term)

    @admin.display(description="account")
    def person_shown(self, row: Any) -> str:
        return visible(row.person) if row.person else NOTHING

    @admin.display(description="account")
    def person_in_full(self, row: Any) -> SafeString | str:
        """With the name that the merchant knows them by, while there is such an account."""
        if not row.person:
            return NOTHING
        known = persons().by_id(row.person)
        return copyable(visible(row.person)) + (f" {visible(known.name)}" if known else " (closed)")

    def carried_out(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        decision: Decision,
        act: Callable[[Any], bool],
        done: str,
    ) -> HttpResponse | None:
        """The operator's decision about each row, with its audit line."""
        confirmed = ask(self, request, queryset, decision)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        for row in confirmed.rows:
            changed = act(row)
            self.note(request, row, f"{done if changed else 'Nothing to take back'}: {confirmed.reason}")
            level = messages.SUCCESS if changed else messages.WARNING
            self.message_user(request, f"{visible(str(row))}: {done if changed else 'unchanged'}.", level)
        return onward(request, confirmed.rows)


class Acting(admin.SimpleListFilter):
    """Those that were revoked are found by an index of their own."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("acts", "acts for its person"), ("revoked", "revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("acts", "revoked"):
            return queryset
        return queryset.filter(revoked_at__isnull=self.value() == "acts")


@admin.register(AgentBinding)
class AgentBindingAdmin(PersonalScreen):
    empty_list_text = (
        "Agents that act for people with an account would be here. One appears when an agent asks for a "
        "token and its person, signed in, says yes."
    )
    list_display = ("id", "owner_shown", "person_shown", "established", "revoked")
    list_filter = (Acting, "established_at")
    search_fields = ("person",)
    search_help_text = "The whole name or owner text of an agent, or the whole id of an account."
    fields = ("owner_in_full", "person_in_full", "said_it_can", "established", "revoked")
    actions = ("revoke",)

    established = staticmethod(when("established_at"))
    revoked = staticmethod(when("revoked_at"))

    REVOKE: ClassVar = Decision(
        action="revoke",
        title="Revoke agents",
        will="These agents act for their persons no more: what was granted to them is taken back, tokens for "
        "it count no more, and nothing that they ask for waits. They stay tied to their persons, who can let "
        "them act again; to keep an agent out, block it.",
        button="Revoke",
    )

    def offers(self, action: str, row: Any) -> bool:
        return row.revoked_at is None

    @admin.action(description="Revoke", permissions=[ACT])
    def revoke(self, request: HttpRequest, queryset: QuerySet[AgentBinding]) -> HttpResponse | None:
        return self.carried_out(
            request,
            queryset,
            self.REVOKE,
            lambda row: agent_revoking.revoke(row.owner, row.person),
            "Revoked",
        )

    @admin.display(description="what it said it can do")
    def said_it_can(self, row: AgentBinding) -> str:
        return ", ".join(visible(str(name), longest=40) for name in row.capabilities or ()) or NOTHING


@admin.register(Grant)
class GrantAdmin(PersonalScreen):
    prefix = grants.PREFIX
    empty_list_text = (
        "What agents ask to be granted would be here. One appears when an agent asks for a token at one of "
        "our token endpoints."
    )
    list_display = ("id", "state", "kind", "owner_shown", "person_shown", "audience_shown", "created")
    list_deferred = ("key", "presented", "justification", "fingerprint")
    list_filter = ("state", "created_at")
    search_fields = ("id",)
    search_help_text = (
        "The whole id of a grant, name or owner text of an agent, or the whole id of an account."
    )
    fields = (
        "id_in_full",
        "state",
        "kind",
        "owner_in_full",
        "person_in_full",
        "audience_shown",
        "scope_shown",
        "account_shown",
        "justification_said",
        "key_shown",
        "created",
        "expires",
        "decided",
        "updated",
    )
    actions = ("take_back",)

    decided = staticmethod(when("decided_at"))

    TAKE_BACK: ClassVar = Decision(
        action="take_back",
        title="Take grants back",
        will="What was granted here is taken back, and tokens for it count with us no more. The agents stay "
        "their persons', and can ask again.",
        button="Take back",
    )

    def offers(self, action: str, row: Any) -> bool:
        return bool(row.state == GrantState.GRANTED)

    @admin.action(description="Take back", permissions=[ACT])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Grant]) -> HttpResponse | None:
        return self.carried_out(
            request, queryset, self.TAKE_BACK, lambda row: grants.revoke(row, row.person), "Taken back"
        )

    @admin.display(description="for")
    def audience_shown(self, row: Grant) -> str:
        return visible(row.audience)

    @admin.display(description="scope")
    def scope_shown(self, row: Grant) -> str:
        return visible(row.scope, longest=1000) or NOTHING

    @admin.display(description="account at the resource")
    def account_shown(self, row: Grant) -> str:
        return visible(row.account) or NOTHING

    @admin.display(description="why, as the agent says")
    def justification_said(self, row: Grant) -> SafeString | str:
        return quoted(row.justification, longest=LONGEST_WORDS) or NOTHING

    @admin.display(description="public key of the agent")
    def key_shown(self, row: Grant) -> SafeString | str:
        return quoted_data(row.key) or NOTHING


@admin.register(IssuedToken)
class IssuedTokenAdmin(PersonalScreen):
    empty_list_text = (
        "Tokens that were given out would be here, by their ids alone. One appears when a person has said "
        "yes to what an agent asks."
    )
    list_display = ("jti_shown", "typ", "owner_shown", "person_shown", "audience_shown", "issued", "expires")
    list_filter = ("issued_at",)
    search_fields = ("jti",)
    search_help_text = "The whole id (jti) of a token, or the whole id of an account."
    fields = (
        "jti_in_full",
        "typ",
        "owner_in_full",
        "person_in_full",
        "audience_shown",
        "scope_shown",
        "grant_link",
        "issued",
        "expires",
        "revoked",
    )

    issued = staticmethod(when("issued_at"))
    revoked = staticmethod(when("revoked_at"))

    def search(self, term: str) -> Q:
        return Q(pk=term) | Q(person=term)

    @admin.display(description="id")
    def jti_shown(self, row: IssuedToken) -> str:
        return row.jti[:12]

    @admin.display(description="id")
    def jti_in_full(self, row: IssuedToken) -> SafeString:
        return copyable(row.jti)

    @admin.display(description="for")
    def audience_shown(self, row: IssuedToken) -> str:
        return visible(row.audience)

    @admin.display(description="scope")
    def scope_shown(self, row: IssuedToken) -> str:
        return visible(row.scope, longest=1000) or NOTHING

    @admin.display(description="grant")
    def grant_link(self, row: IssuedToken) -> SafeString:
        return link(Grant, row.grant_id)
