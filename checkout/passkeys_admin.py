"""The operator's screen of passkeys: made and used by buyers, deleted here when their device is lost."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from checkout.screens import ReadOnlyScreen, when
from interventions.models import Passkey


@admin.register(Passkey)
class PasskeyAdmin(ReadOnlyScreen):
    """Deleted when the device is lost or was never its buyer's: the buyer then confirms their contact
    and makes another."""

    empty_list_text = (
        "The passkeys of buyers would be here. One appears when a buyer makes it at the page of a purchase "
        "that a policy wants to be confirmed that way."
    )
    list_display = ("id", "label", "aaguid", "sign_count", "made", "last_used")
    list_filter = ("created_at",)
    search_fields = ("id",)
    search_help_text = "The whole id of a passkey."
    fields = ("id", "label", "aaguid", "sign_count", "made", "last_used")

    made = staticmethod(when("created_at", "made"))
    last_used = staticmethod(when("last_used_at", "last used"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Passkey]:
        return super().get_queryset(request).defer("public_key", "credential_id", "contact_digest")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)
