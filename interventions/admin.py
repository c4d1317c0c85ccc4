"""The operator's screens: policies to edit, interventions to look at. No hash, code or address."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from interventions import services
from interventions.models import REQUIRABLE, Intervention, Policy
from interventions.ports import ports


class PolicyForm(forms.ModelForm):
    kinds = forms.MultipleChoiceField(
        label="types",
        choices=[(kind.value, kind.value) for kind in REQUIRABLE],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    class Meta:
        model = Policy
        fields = (
            "name",
            "active",
            "item_tag",
            "minimum_amount",
            "currency",
            "kinds",
            "approval",
            "enforcement",
        )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        runnable = ", ".join(kind.value for kind in REQUIRABLE if kind in ports().providers)
        self.fields["kinds"].help_text = f"What the person must do. This installation can run: {runnable}."


@admin.register(Policy)
class PolicyAdmin(admin.ModelAdmin):
    """Changes count at once in this process and within five seconds in the others."""

    form = PolicyForm
    list_display = (
        "name",
        "active",
        "item_tag",
        "minimum_amount",
        "currency",
        "types",
        "approval",
        "enforcement",
    )
    list_filter = ("active", "enforcement")
    search_fields = ("name", "item_tag")
    fieldsets = (
        (None, {"fields": ("name", "active")}),
        ("When", {"fields": ("item_tag", "minimum_amount", "currency")}),
        ("What the person must do", {"fields": ("kinds", "approval", "enforcement")}),
    )

    @admin.display(description="types")
    def types(self, policy: Policy) -> str:
        return ", ".join(policy.kinds)


@admin.register(Intervention)
class InterventionAdmin(admin.ModelAdmin):
    """Read-only: interventions are moved by services. Answered by the indexes of the table."""

    list_display = ("id", "subject", "kind", "state", "hint", "tried", "sends", "created_at")
    list_filter = ("state", "created_at")
    search_fields = ("id__exact", "subject__exact")
    search_help_text = "The whole id of an intervention or of what waits for it."
    show_full_result_count = False
    actions = ("clear_caps",)
    fieldsets = (
        (None, {"fields": ("id", "subject", "kind", "state", "ended_by")}),
        ("What for", {"fields": ("amount", "currency", "hint")}),
        ("Challenge", {"fields": ("challenge", "challenge_expires_at", "tried", "sends", "last_sent_at")}),
        ("Times", {"fields": ("created_at", "updated_at", "expires_at")}),
        ("Log", {"fields": ("log",)}),
    )
    readonly_fields = ("id", "tried", "created_at", "updated_at", "log")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Intervention]:
        return super().get_queryset(request).defer("code_digest", "code_salt", "binding")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Intervention | None = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Who may change interventions may act on them, although nothing can be edited."""
        return super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Intervention | None = None) -> bool:
        return False

    @admin.display(description="attempts")
    def tried(self, row: Intervention) -> str:
        return f"{row.attempts} of {row.attempts_allowed}"

    @admin.display(description="moves")
    def log(self, row: Intervention) -> SafeString:
        moves = (
            (
                move.at.isoformat(timespec="seconds"),
                move.from_state or "new",
                move.to_state,
                move.actor,
                move.note,
            )
            for move in row.moves.all()
        )
        return format_html_join("\n", "<div>{} {} &rarr; {} by {} {}</div>", moves)

    @admin.action(description="Clear the limits of the destination", permissions=["act"])
    def clear_caps(self, request: HttpRequest, queryset: QuerySet[Intervention]) -> None:
        """Wrong codes and sends no longer count against these destinations (T15)."""
        for row in queryset:
            services.clear_caps(row)
            self.log_change(request, row, "Limits of the destination cleared.")
        self.message_user(request, "One-time codes can be sent there and tried again.", messages.SUCCESS)
