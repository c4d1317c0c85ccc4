"""System checks of the `RECONCILE_` settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from checkout.payments.sandbox import SandboxProvider
from checkout.reconciliation import stuck
from gateway import periodic
from gateway.models import OutboxMessage
from tests.gateway.test_checks import found
from tests.parts import plugged


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"RECONCILE_SECONDS": -1}, {"agentic.E140"}),
        ({"RECONCILE_DAYS": "3"}, {"agentic.E140"}),
        ({"RECONCILE_GRACE_SECONDS": True}, {"agentic.E140"}),
        ({"RECONCILE_SHARED_ACCOUNT": "yes"}, {"agentic.E141"}),
        ({"RECONCILE_DAYS": 0.5}, {"agentic.E142"}),
        ({"RECONCILE_DAYS": 0.5, "RECONCILE_SECONDS": 3600}, set()),
        ({"RECONCILE_SECONDS": 0, "RECONCILE_DAYS": 0}, set()),
        ({"RECONCILE_GRACE_SECONDS": 600}, {"agentic.E143"}),
        ({"RECONCILE_GRACE_SECONDS": 601}, set()),
    ],
)
def test_settings_that_mean_nothing_are_named(changed: dict[str, Any], expected: set[str]) -> None:
    assert found(**changed) == expected


@pytest.mark.parametrize(("seconds", "told"), [(86400, {"agentic.I002"}), (0, set())])
def test_a_provider_without_a_ledger_is_mentioned(seconds: int, told: set[str]) -> None:
    """Not an error: a merchant may compare elsewhere."""
    assert (
        found(PAYMENTS="tests.gateway.test_reconciliation_checks.Closed", RECONCILE_SECONDS=seconds) == told
    )


class Closed(SandboxProvider):
    entries = None  # type: ignore[assignment]


def test_the_job_is_registered() -> None:
    assert "checkout.reconcile" in periodic.names()


@pytest.mark.django_db
def test_dead_messages_say_which_orders_were_not_handed_over() -> None:
    for order, dead_at in (("ord_dead", timezone.now()), ("ord_alive", None)):
        OutboxMessage.objects.create(kind="checkout.place_order", payload={"order": order}, dead_at=dead_at)
    OutboxMessage.objects.create(kind="checkout.undo", payload={"payment": "pay_1"}, dead_at=timezone.now())

    with plugged():
        for listed, order in ((stuck._queue.given_up, "ord_dead"), (stuck._queue.open, "ord_alive")):
            assert list(listed("checkout.place_order", "order", "")) == [order]
            assert list(listed("checkout.place_order", "order", order)) == [order]
            assert list(listed("checkout.place_order", "order", "ord_other")) == []
