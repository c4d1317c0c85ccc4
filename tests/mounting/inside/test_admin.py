"""The merchant's admin shows our screens beside his own (decision 23, ATOMIC_REQUESTS on)."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client

from checkout.models import CheckoutSession, Order
from gateway import operators
from tests.mounting.inside.assistant import Assistant
from tests.mounting.inside.operators import act, listing, page
from tests.mounting.merchant.accounts.models import Customer

OURS = [
    model
    for model in admin.site._registry
    if apps.get_app_config(model._meta.app_label).label.startswith("agentic_")
]


def test_our_screens_are_registered() -> None:
    assert len(OURS) > 6


def test_the_front_page_shows_both_checkouts(operator: Client) -> None:
    front = operator.get("/admin/")

    assert front.status_code == 200
    assert "/admin/checkout/checkoutsession/" in front.text
    assert "/admin/agentic_checkout/checkoutsession/" in front.text


def test_every_list_and_page_opens(operator: Client, assistant: Assistant) -> None:
    """With rows in them, in German, under the merchant's own user model."""
    assistant.complete(assistant.ready())
    opened = []

    for model in OURS:
        assert operator.get(listing(model)).status_code == 200
        row = model._default_manager.first()
        if row is not None:
            opened.append(model.__name__)
            assert operator.get(page(row)).status_code == 200

    assert {"CheckoutSession", "Payment", "Order", "Agent", "OutboxMessage", "IdempotentRequest"} <= set(
        opened
    )


def test_an_operator_cancels_a_session(operator: Client, assistant: Assistant) -> None:
    """T95: the service opens its own transaction, so none may be around it; the log names the
    merchant's own user."""
    session = CheckoutSession.objects.get(pk=assistant.create()["id"])

    done = act(operator, session, "cancel", reason="Betrug")

    session.refresh_from_db()
    assert done.status_code == 200
    assert session.state == "canceled"
    entry = LogEntry.objects.get()
    assert entry.user.email == "olga@kaffee.example"
    assert "Betrug" in entry.change_message


@pytest.mark.django_db
def test_the_demo_operator_can_be_made_whatever_users_are_called() -> None:
    """A merchant who tries the demo: his users have no user name."""
    for _ in range(2):
        operators.load_demo()

    operator = Customer.objects.get()
    assert (operator.email, operator.is_superuser) == (operators.DEMO_NAME, True)
    assert operator.check_password(operators.DEMO_PASSWORD)


@pytest.mark.parametrize("model", [CheckoutSession, Order])
def test_customers_see_nothing(assistant: Assistant, model: type) -> None:
    assert Client().get(listing(model)).status_code == 302
