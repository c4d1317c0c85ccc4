"""The merchant's project as Django sees it: checks, labels, tables, settings (issue 3 "Mounting")."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import override_settings

from gateway import checks, persons
from gateway.acp.views import CheckoutSession as OurView


def test_nothing_is_wrong_with_it() -> None:
    """`manage.py check`, warnings included."""
    call_command("check", fail_level="WARNING", databases=None)


@pytest.mark.django_db
def test_nothing_is_wrong_with_its_database() -> None:
    call_command("check", fail_level="WARNING", databases=["default"])


@pytest.mark.django_db
def test_his_customers_have_accounts_here() -> None:
    """His user model has neither a name nor a column that says who is active."""
    customer = get_user_model()._default_manager.create(email="ada@example.com")

    known = persons.persons().by_id(str(customer.pk))

    assert known is not None
    assert (known.id, known.email) == (str(customer.pk), "ada@example.com")
    assert persons.persons().by_id("nobody") is None


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    """His DEFAULT_AUTO_FIELD is not ours."""
    written = StringIO()

    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=written)
    except SystemExit:
        pytest.fail(written.getvalue())

    assert "No changes detected" in written.getvalue()


@pytest.mark.django_db
def test_both_apps_that_would_be_called_checkout_are_there() -> None:
    """Labels, tables and migrations of the two do not meet, and the import name is ours."""
    his, ours = apps.get_model("checkout.CheckoutSession"), apps.get_model("agentic_checkout.CheckoutSession")
    applied = {app for app, _ in MigrationRecorder(connection).applied_migrations()}

    assert his.__module__.startswith("tests.mounting.merchant.")
    assert ours.__module__ == "checkout.models"
    assert {his._meta.db_table, ours._meta.db_table} <= set(connection.introspection.table_names())
    assert his._meta.db_table != ours._meta.db_table
    assert {"checkout", "agentic_checkout"} <= applied
    assert not apps.is_installed("gateway.shop")


def test_no_row_of_ours_points_into_the_merchants_tables() -> None:
    """No foreign key leaves an app of ours, so his tables can go and come."""
    for model in apps.get_models():
        if not model._meta.app_label.startswith("agentic_"):
            continue
        for field in model._meta.get_fields():
            if field.is_relation and field.concrete:
                assert field.related_model._meta.app_label == model._meta.app_label


@pytest.mark.parametrize(
    "key", ["CATALOG", "FULFILLMENT", "PRICING", "INVENTORY", "ORDER_SINK", "PAYMENTS", "HASH_KEYS"]
)
def test_a_part_that_is_missing_is_named(settings: Any, key: str) -> None:
    """Architecture, "Settings and mounting": without the shop, each port needs the merchant's part."""
    given = {name: value for name, value in settings.AGENTIC_GATEWAY.items() if name != key}

    with override_settings(AGENTIC_GATEWAY=given):
        found = [message.msg for message in run_checks() if message.is_serious()]

    assert len(found) == 1
    assert f"['{key}'] is missing" in found[0]


def test_a_part_that_lacks_a_method_is_named(settings: Any) -> None:
    wrong = {**settings.AGENTIC_GATEWAY, "INVENTORY": "tests.mounting.merchant.parts.Catalog"}

    with override_settings(AGENTIC_GATEWAY=wrong):
        (message,) = (message for message in run_checks() if message.is_serious())

    assert "['INVENTORY'] lacks: commit, hold, release, release_overdue" in message.msg


def test_every_route_of_ours_is_outside_the_transaction() -> None:
    """Decision 6, over the merchant's own URLconf with all three includes; and the check can see one."""
    from django.urls import get_resolver

    found = [view for view in checks._views(get_resolver().url_patterns) if checks._is_ours(view)]

    assert len(found) > 8
    assert {getattr(view, "view_class", None) for view in found} >= {OurView}
    assert checks.atomic_requests(None) == []
