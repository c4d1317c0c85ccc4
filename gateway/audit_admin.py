"""The operator's screen of audit trails: what agents did in their sessions, and whether it still stands."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from checkout.screens import NOTHING, ReadOnlyScreen, when
from checkout.untrusted import visible
from gateway.audit_models import AuditEvent, AuditSeal, AuditTrail
from gateway.interaction_api import audit, audit_verification
from gateway.session_models import AgentSession

SHOWN = 200
"""Events on the page of a trail, the last ones."""


class State(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("sealed", "sealed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("open", "sealed"):
            return queryset
        return queryset.filter(sealed_at__isnull=self.value() == "open")


@admin.register(AuditTrail)
class AuditTrailAdmin(ReadOnlyScreen):
    """Nothing here can be changed, by anybody. Every trail of a list is verified while it is shown: three
    queries, and short pages."""

    empty_list_text = (
        "What agents do in their sessions would be here, if AUDIT is on. A trail begins with each session."
    )
    list_per_page = 20
    list_display = ("session", "agent", "sequence", "state", "verified", "opened", "sealed")
    list_filter = (State, "opened_at")
    search_fields = ("session",)
    search_help_text = "The whole id of an agent session."
    fields = ("id_in_full", "agent", "purpose", "sequence", "state", "verified", "opened", "sealed", "calls")

    opened = staticmethod(when("opened_at"))
    sealed = staticmethod(when("sealed_at"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditTrail]:
        events = AuditEvent.objects.order_by("sequence")
        seals = AuditSeal.objects.order_by("-final", "-sealed_at")
        visit = AgentSession.objects.filter(pk=OuterRef("pk"))
        said = {name: Subquery(visit.values(f"agent_{name}")[:1]) for name in ("name", "version")}
        said["purpose_said"] = Subquery(visit.values("purpose")[:1])
        said["token_digest"] = Subquery(visit.values("digest")[:1])
        trails: QuerySet[AuditTrail] = super().get_queryset(request)
        return trails.annotate(**said).prefetch_related(Prefetch("events", events), Prefetch("seals", seals))

    @admin.display(description="agent (its words)")
    def agent(self, trail: AuditTrail) -> str:
        said = _said(trail)
        return visible(f"{said.get('name', '')} {said.get('version', '')}".strip()) or NOTHING

    @admin.display(description="purpose (the agent's words)")
    def purpose(self, trail: AuditTrail) -> str:
        return visible(_said(trail).get("purpose", "")) or NOTHING

    @admin.display(description="state")
    def state(self, trail: AuditTrail) -> str:
        return "sealed" if trail.sealed_at else "open"

    @admin.display(description="verification")
    def verified(self, trail: AuditTrail) -> SafeString | str:
        keys = [key.public_key for key in audit.public_keys()]
        flaw = audit_verification.flaw_of_trail(trail, keys)
        if flaw is not None:
            return format_html("<strong>ALTERED: {}</strong>", flaw)
        return "chain and signature are right" if trail.sealed_at else "chain is right, not sealed yet"

    @admin.display(description="calls")
    def calls(self, trail: AuditTrail) -> SafeString | str:
        last = list(trail.events.all())[-SHOWN:]
        return format_html("<ol>{}</ol>", format_html_join("", '<li value="{}">{}</li>', map(_line, last)))


def _said(trail: AuditTrail) -> dict[str, str]:
    """What the agent says of itself: as it was sealed, or as its session has it."""
    for seal in trail.seals.all():
        try:
            return {name: str(said) for name, said in json.loads(seal.document)["agent"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}  # altered: the verification beside it says so
    row: Any = trail
    return {"name": row.name or "", "version": row.version or "", "purpose": row.purpose_said or ""}


def _line(event: AuditEvent) -> tuple[int, str]:
    try:
        told = json.loads(event.document)
        words = (
            *(told["timestamp"], told["capability"], told["method"], str(told["response_status"])),
            *("" if told["policy_result"] == "allow" else told["matched_rule"], json.dumps(told["params"])),
        )
    except (ValueError, KeyError, TypeError):
        return event.sequence, "not in its form"
    return event.sequence, visible("  ".join(word for word in words if word), longest=1000)
