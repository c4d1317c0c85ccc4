"""The operator's screens of idempotent requests, the outbox and the relay."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Greatest, StrIndex, Substr
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from checkout.confirmation import Decision, ask, onward
from checkout.models import CheckoutSession
from checkout.screens import ACT, NOTHING, Outside, ReadOnlyScreen, connect, link, when
from checkout.untrusted import quoted, quoted_data, visible
from gateway import (
    agent_sessions_admin,
    agents,
    agents_admin,
    audit_admin,
    contact_admin,
    delivery,
    identity_admin,
    links,
    payment_events_admin,
    pending_admin,
    person_admin,
    questions_admin,
    reach_admin,
)
from gateway.acp import standing
from gateway.models import Agent, IdempotentRequest, OutboxMessage, RelayLease
from gateway.webhooks import deliveries_admin, endpoints_admin

__all__ = [
    "agent_sessions_admin",
    "agents_admin",
    "audit_admin",
    "contact_admin",
    "deliveries_admin",
    "endpoints_admin",
    "identity_admin",
    "payment_events_admin",
    "pending_admin",
    "person_admin",
    "questions_admin",
    "reach_admin",
]  # read with this module: their screens register themselves


def _owner_name() -> Any:
    """The name of the agent that a row's `owner` stands for, as `agents.of_owner` reads it."""
    owner = OuterRef("owner")
    after = len(agents.SIGNED) + 1
    bar = StrIndex(owner, Value("|"))
    issuer = Substr(owner, after, Greatest(bar - after, Value(0)))  # no "|": nothing, and no error
    by_key = Agent.objects.filter(issuer="", pk=Substr(owner, len(agents.KEY) + 1))
    signed = Agent.objects.filter(issuer=issuer, identity=Substr(owner, bar + 1)).exclude(issuer="")
    return Coalesce(Subquery(by_key.values("name")[:1]), Subquery(signed.values("name")[:1]))


def _owners_named(name: str) -> list[str]:
    return [agent.owner for agent in Agent.objects.filter(name__iexact=name)]


connect(
    Outside(
        owner_name=_owner_name(),
        owners_named=_owners_named,
        order_page=links.order_page,
        knows_extension=standing.is_extended,
    )
)


@admin.register(IdempotentRequest)
class IdempotentRequestAdmin(ReadOnlyScreen):
    """What was answered once and will be replayed; never the answer itself.

    Rows live for two days, so that the state filter and the searches by key or path may read
    them all; by owner or agent's name an index answers.
    """

    owned = True
    empty_list_text = (
        "Answers that can be replayed would be here. One appears with each writing request of an agent."
    )
    list_display = ("method", "path_shown", "key_shown", "owner_shown", "state", "status", "age")
    list_filter = ("state", "created_at")
    search_fields = ("key",)
    search_help_text = "The whole key, path, or name or owner text of an agent."
    fields = (
        "method",
        "path_shown",
        "key_said",
        "owner_in_full",
        "state",
        "status",
        "fence",
        "leased_until",
        "created",
        "age",
    )

    leased_until = staticmethod(when("lease_until", "leased until"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdempotentRequest]:
        return super().get_queryset(request).defer("body", "fingerprint")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row with its path fit for the page's title."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            row.path = visible(row.path)
        return row

    def search(self, term: str) -> Q:
        if owners := _owners_named(term):
            return Q(owner__in=owners)
        return Q(path=term) if term.startswith("/") else Q(key=term) | Q(owner=term)

    @admin.display(description="path")
    def path_shown(self, row: IdempotentRequest) -> str:
        return visible(row.path)

    @admin.display(description="key (the agent's words)")
    def key_shown(self, row: IdempotentRequest) -> str:
        return visible(row.key)

    @admin.display(description="key")
    def key_said(self, row: IdempotentRequest) -> SafeString:
        return quoted(row.key)

    @admin.display(description="age", ordering="-created_at")
    def age(self, row: IdempotentRequest) -> str:
        return timesince(row.created_at)


class Progress(admin.SimpleListFilter):
    """Due, waiting and leased are found by the partial index on open messages."""

    title = "state"
    parameter_name = "progress"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in ("dead", "due", "leased", "waiting", "done")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        free = Q(lease_until=None) | Q(lease_until__lte=now)
        match self.value():
            case "dead":
                return queryset.filter(dead_at__isnull=False)
            case "done":
                return queryset.filter(done_at__isnull=False)
            case "leased":
                return queryset.filter(delivery.OPEN, lease_until__gt=now)
            case "due":
                return queryset.filter(delivery.OPEN, free, due_at__lte=now)
            case "waiting":
                return queryset.filter(delivery.OPEN, free, due_at__gt=now)
        return queryset


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyScreen):
    """Effects on their way. Searching by kind, and looking for dead ones, reads the table, from
    which delivered messages disappear after a week."""

    empty_list_text = (
        "Effects of purchases (captures, orders handed over) would be here. Each is written with the "
        "change that causes it and delivered by the relay."
    )
    list_display = ("id", "kind", "progress", "tries", "error", "due", "created")
    list_deferred = ("payload",)
    list_filter = (Progress, "created_at")
    search_fields = ("id",)
    search_help_text = "The whole id, or the whole kind."
    fields = (
        "id_in_full",
        "kind",
        "progress",
        "payload_shown",
        "tries",
        "error",
        "due",
        "leased_until",
        "published_until_shown",
        "done",
        "dead",
        "created",
    )
    actions = ("run_again",)

    due = staticmethod(when("due_at"))
    leased_until = staticmethod(when("lease_until", "leased until"))
    published_until_shown = staticmethod(when("published_until", "published until"))
    done = staticmethod(when("done_at"))
    dead = staticmethod(when("dead_at"))

    RUN_AGAIN: ClassVar = Decision(
        action="run_again",
        title="Run dead messages again",
        will="The dead ones among these messages are due at once, with all their tries. The others are left "
        "alone. An effect that happened already is not repeated: every handler is safe to run twice.",
        button="Run them again",
    )

    def search(self, term: str) -> Q:
        return Q(pk=term) if term.startswith("msg_") else Q(kind=term)

    def offers(self, action: str, row: OutboxMessage) -> bool:
        return row.dead_at is not None

    @admin.action(description="Run again", permissions=[ACT])
    def run_again(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.RUN_AGAIN)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        for message in confirmed.rows:
            revived = delivery.run_again([message.pk])
            outcome = "due again" if revived else "not dead, left alone"
            level = messages.SUCCESS if revived else messages.WARNING
            self.note(request, message, f"Run again ({outcome}): {confirmed.reason}")
            self.message_user(request, f"Message {message.pk} ({message.kind}) is {outcome}.", level)
        return onward(request, confirmed.rows)

    @admin.display(description="state")
    def progress(self, message: OutboxMessage) -> str:
        now = timezone.now()
        if message.done_at:
            return "done"
        if message.dead_at:
            return "dead"
        if message.lease_until and message.lease_until > now:
            return "leased"
        return "due" if message.due_at <= now else "waiting"

    @admin.display(description="payload")
    def payload_shown(self, message: OutboxMessage) -> SafeString | str:
        session = message.payload.get("session")
        shown = quoted_data(message.payload, label="Ids it works with") or NOTHING
        return format_html("{} {}", link(CheckoutSession, session), shown) if session else shown


@admin.register(RelayLease)
class RelayLeaseAdmin(ReadOnlyScreen):
    """Who delivers effects now."""

    empty_list_text = "The relay at work would be here. One appears when a server or `agentic_relay` starts."
    list_display = ("name", "holder", "held_until", "beat", "age")
    search_fields = ()
    fields = list_display

    held_until = staticmethod(when("until", "held until"))
    beat = staticmethod(when("beat_at", "last seen"))

    @admin.display(description="seen")
    def age(self, lease: RelayLease) -> str:
        return f"{(timezone.now() - lease.beat_at).total_seconds():.0f} s ago"
