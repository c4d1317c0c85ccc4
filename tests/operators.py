"""An operator as the tests play one: the admin through Django's client."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from gateway import agents
from gateway.shop import demo
from tests.agents import PlayedAgent


def open_shop() -> PlayedAgent:
    """The demo shop is there, and an agent that buys in it."""
    demo.load()
    agents.load_demo()
    return PlayedAgent()


def log_in() -> Client:
    """A superuser named olga."""
    client = Client()
    client.force_login(User.objects.create_superuser("olga"))
    return client


def listing(model: Any) -> str:
    """The address of a list."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def page(row: Any) -> str:
    """The address of a row's page."""
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return reverse(name, args=(quote(str(row.pk)),))


def act(client: Client, row: Any, action: str, reason: str | None = "because", **more: str) -> Any:
    """The operator's second step; with no reason, the first."""
    data = {"action": action, "_selected_action": row.pk, **more}
    if reason is not None:
        data |= {"confirmed": "1", "reason": reason}
    return client.post(listing(type(row)), data, follow=True)
