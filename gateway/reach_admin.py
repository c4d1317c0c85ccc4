"""The operator's screens of reaching people: what agents want them for, and the ways to them. No code, no
address and no answer is here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from checkout.screens import NOTHING, ReadOnlyScreen, link, moment, when
from checkout.untrusted import quoted, visible
from gateway.pending_models import PendingRequest
from gateway.person_admin import LONGEST_WORDS, PersonalScreen
from gateway.person_models import Summons
from interventions.reach_models import ReachAttempt, ReachChannel

MOST_TRIES = 50


@admin.register(Summons)
class SummonsAdmin(PersonalScreen):
    prefix = "smn_"
    empty_list_text = (
        "What agents want their persons for would be here. One appears when an agent asks at our interaction "
        "endpoint that its person is brought to a page, or asked something."
    )
    list_display = ("id", "state", "kind", "owner_shown", "person_shown", "channel_shown", "created")
    list_deferred = ("code", "answer", "description", "question", "url", "fingerprint", "capabilities")
    list_filter = ("state", "created_at")
    search_fields = ("id",)
    search_help_text = (
        "The whole id of a request, name or owner text of an agent, or the whole id of an account."
    )
    fieldsets = (
        (None, {"fields": ("id_in_full", "state", "kind", "owner_in_full", "person_in_full")}),
        (
            "What it is for",
            {
                "fields": ("url_said", "call_link", "description_said", "question_said"),
                "description": "The agent's own words: untrusted, and shown as text only.",
            },
        ),
        ("How its person is reached", {"fields": ("channel_shown", "tries")}),
        ("Times", {"fields": ("created", "updated", "polled", "expires", "delivered")}),
    )

    polled = staticmethod(when("last_polled_at", "last asked after"))
    delivered = staticmethod(when("delivered_at", "end told"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Summons]:
        rows: QuerySet[Summons] = super().get_queryset(request)
        return rows.defer("code", "answer", "fingerprint")

    @admin.display(description="reached by")
    def channel_shown(self, row: Summons) -> str:
        return visible(row.channel) or NOTHING

    @admin.display(description="address, without its code")
    def url_said(self, row: Summons) -> SafeString | str:
        return quoted(row.url, longest=2000) or NOTHING

    @admin.display(description="call of ours that waits there")
    def call_link(self, row: Summons) -> SafeString | str:
        return link(PendingRequest, row.pending) if row.pending else NOTHING

    @admin.display(description="description")
    def description_said(self, row: Summons) -> SafeString | str:
        return quoted(row.description.replace("\n", " ↵ "), longest=LONGEST_WORDS) or NOTHING

    @admin.display(description="question")
    def question_said(self, row: Summons) -> SafeString | str:
        return quoted(row.question.replace("\n", " ↵ "), longest=LONGEST_WORDS) or NOTHING

    @admin.display(description="tries")
    def tries(self, row: Summons) -> SafeString | str:
        made = ReachAttempt.objects.filter(subject=row.pk).order_by("at")[:MOST_TRIES]
        shown = ((moment(one.at), one.kind, one.result) for one in made)
        return format_html_join("\n", "<div>{} {}: {}</div>", shown) or NOTHING


@admin.register(ReachChannel)
class ReachChannelAdmin(ReadOnlyScreen):
    empty_list_text = (
        "Ways to reach people would be here. One appears when a person opens a page of their account, or "
        "registers a device there."
    )
    list_display = ("id", "kind", "person_shown", "enabled", "verified", "seen", "failed", "created")
    list_deferred = ("address", "fingerprint", "label")
    list_filter = ("kind", "created_at")
    search_fields = ("id",)
    search_help_text = "The whole id of a way, or of an account."
    fields = ("id_in_full", "kind", "person_shown", "label_said", "enabled", "verified", "seen", "failed")

    verified = staticmethod(when("verified_at", "seen to work"))
    seen = staticmethod(when("seen_at", "worked last"))
    failed = staticmethod(when("failed_at", "failed"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReachChannel]:
        rows: QuerySet[ReachChannel] = super().get_queryset(request)
        return rows.defer("address", "fingerprint")

    def search(self, term: str) -> Q:
        return Q(pk=term) if term.startswith("rch_") else Q(person=term)

    @admin.display(description="account")
    def person_shown(self, row: Any) -> str:
        return visible(row.person)

    @admin.display(description="label (the person's words)")
    def label_said(self, row: ReachChannel) -> SafeString | str:
        return quoted(row.label, label="The person wrote") or NOTHING
