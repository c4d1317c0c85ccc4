"""What becomes of carts by themselves: they end, and are forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection
from django.utils import timezone

from checkout import carts
from checkout.models import Cart, CheckoutSession
from checkout.states import SessionState
from gateway import cart_keeping, periodic

pytestmark = pytest.mark.django_db


def cart(ends: timedelta, **columns: Any) -> Cart:
    """One that ends so much later than now."""
    return Cart.objects.create(
        **{"owner": "key:1", "currency": "usd", "expires_at": timezone.now() + ends, **columns}
    )


def test_carts_past_their_deadline_are_closed_once() -> None:
    old, young = cart(-timedelta(seconds=1)), cart(timedelta(hours=1))
    canceled = cart(-timedelta(hours=1), closed_at=timezone.now(), closed_because=carts.CANCELED)

    assert [cart_keeping.sweep(), cart_keeping.sweep()] == [1, 0]

    because = dict(Cart.objects.values_list("pk", "closed_because"))
    assert because == {old.pk: carts.EXPIRED, young.pk: "", canceled.pk: carts.CANCELED}


def test_a_cart_that_a_person_paid_for_was_bought() -> None:
    ends = timezone.now()
    session = CheckoutSession.objects.create(
        owner="session:1", currency="usd", state=SessionState.COMPLETED, expires_at=ends
    )
    bought = cart(-timedelta(seconds=1), session=session.pk, frozen_revision=1)
    other = cart(-timedelta(seconds=1), session="cs_other", frozen_revision=1)

    assert cart_keeping.sweep() == 2

    assert Cart.objects.get(pk=bought.pk).closed_because == carts.BOUGHT
    assert Cart.objects.get(pk=other.pk).closed_because == carts.EXPIRED


def test_old_carts_are_forgotten_and_younger_ones_not(settings: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "CART_KEEP_DAYS": 2}
    cart(-timedelta(days=2, seconds=1))
    kept = cart(-timedelta(days=2) + timedelta(minutes=1))

    assert [cart_keeping.purge(), cart_keeping.purge()] == [1, 0]
    assert list(Cart.objects.values_list("pk", flat=True)) == [kept.pk]


def test_many_carts_go_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carts, "BATCH", 2)
    for _ in range(5):
        cart(-timedelta(days=99))

    assert cart_keeping.sweep() == 5
    assert cart_keeping.purge() == 5


def test_both_are_jobs_of_the_relay() -> None:
    assert {"carts.sweep", "carts.purge"} <= set(periodic.names())


def test_an_index_answers_both_jobs_and_the_lists() -> None:
    """Of a table with many rows, only those asked for are read."""
    now = timezone.now()
    rows = [
        Cart(owner=f"key:{number}", currency="usd", expires_at=now + timedelta(days=number % 60 - 20))
        for number in range(3_000)
    ]
    for row in rows[::2]:
        row.closed_at, row.closed_because = now, carts.EXPIRED
    Cart.objects.bulk_create(rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE agentic_cart" if connection.vendor == "postgresql" else "ANALYZE")
    asked = {
        "agentic_cart_overdue": Cart.objects.filter(
            closed_at=None, expires_at__lte=now - timedelta(days=19)
        ).order_by("expires_at")[:50],
        "agentic_cart_deadline": Cart.objects.filter(expires_at__lt=now - timedelta(days=19)).order_by(
            "expires_at"
        )[:50],
        "agentic_cart_ended": Cart.objects.filter(closed_because=carts.BOUGHT).order_by("-created_at")[:50],
        "agentic_cart_newest": Cart.objects.order_by("-created_at")[:50],
    }

    for index, rows_asked in asked.items():
        plan = rows_asked.explain()
        assert index in plan, plan


@pytest.mark.parametrize(
    ("key", "value", "id"),
    [
        ("CARTS_API", "yes", "agentic.E002"),
        ("CART_SECONDS", 59, "agentic.E260"),
        ("CART_SECONDS", "3600", "agentic.E260"),
        ("CART_KEEP_DAYS", 0, "agentic.E261"),
    ],
)
def test_settings_that_mean_nothing_are_told(settings: Any, key: str, value: Any, id: str) -> None:
    assert id not in {found.id for found in run_checks()}

    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, key: value}

    assert id in {found.id for found in run_checks()}
