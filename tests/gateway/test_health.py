"""What readyz says of the relay (decision 5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from gateway import health
from gateway.models import OutboxMessage

pytestmark = pytest.mark.django_db


def late(**columns: Any) -> OutboxMessage:
    """A message that has been due for an hour."""
    hour = timezone.now() - timedelta(hours=1)
    return OutboxMessage.objects.create(kind="probe", payload={}, due_at=hour, **columns)


def test_a_message_nobody_takes_makes_the_relay_late() -> None:
    late()

    assert health.CHECKS["relay"]() == "late"


def test_a_message_somebody_is_at_does_not_make_the_relay_late() -> None:
    late(lease_until=timezone.now() + timedelta(seconds=30))

    assert health.CHECKS["relay"]() == "ok"


def test_what_was_given_up_is_counted_and_takes_nobody_out_of_service(client: Client) -> None:
    """An operator must learn of it; another process could not deliver it either."""
    late(dead_at=timezone.now())
    late(dead_at=timezone.now())
    late(done_at=timezone.now())

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert answer.json()["given_up"] == 2


def test_without_a_database_nothing_is_counted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decision 5: readyz answers, whatever is broken."""

    def broken() -> int:
        raise OperationalError("canary")

    monkeypatch.setattr(health, "_given_up", broken)

    answer = client.get("/readyz")

    assert "given_up" not in answer.json()
    assert "canary" not in answer.text
