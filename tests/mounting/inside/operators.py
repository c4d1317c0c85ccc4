"""The merchant's own people, as Django's client plays them."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse


def listing(model: type[Model]) -> str:
    """The address of a list."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def page(row: Any) -> str:
    """The address of a row's page."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=(quote(str(row.pk)),))


def act(client: Client, row: Model, action: str, reason: str) -> HttpResponse:
    """An action, confirmed with its reason."""
    data = {"action": action, "_selected_action": row.pk, "confirmed": "1", "reason": reason}
    return client.post(listing(type(row)), data, follow=True)
