"""The outbox port: an effect is a row of the transaction that causes it (decision 7)."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from checkout.ports import Outbox
from gateway import outbox
from gateway.models import OutboxMessage
from gateway.outbox import DatabaseOutbox, UnknownKind, handler_of, handles, register


@pytest.fixture(autouse=True)
def _calm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_handlers", {})
    outbox.woken.clear()


def test_it_is_what_the_checkout_asks_for() -> None:
    assert isinstance(DatabaseOutbox(), Outbox)


@pytest.mark.django_db(transaction=True)
def test_the_effect_is_committed_with_its_cause() -> None:
    """Architecture, Events; reliability-security 4.2."""
    before = timezone.now()

    with transaction.atomic():
        DatabaseOutbox().add("probe", {"payment": "pay_1"})

    row = OutboxMessage.objects.get()
    assert (row.kind, row.payload, row.tries, row.done_at) == ("probe", {"payment": "pay_1"}, 0, None)
    assert before <= row.due_at <= timezone.now()


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_cause_has_no_effect() -> None:
    """Reliability-security 1.2: never for a rolled-back transaction."""
    with transaction.atomic():
        DatabaseOutbox().add("probe", {})
        transaction.set_rollback(True)

    assert not OutboxMessage.objects.exists()
    assert not outbox.woken.is_set()


@pytest.mark.django_db(transaction=True)
def test_an_effect_without_a_transaction_is_refused() -> None:
    """Decision 7: written in the transaction that causes it."""
    with pytest.raises(RuntimeError, match="probe"):
        DatabaseOutbox().add("probe", {})

    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_relay_here_is_woken_by_the_commit_and_not_before() -> None:
    """Decision 7: on_commit may only wake a relay."""
    with transaction.atomic():
        DatabaseOutbox().add("probe", {})

        assert not outbox.woken.is_set()

    assert outbox.woken.is_set()


@pytest.mark.django_db(transaction=True)
def test_a_later_effect_wakes_nobody_now() -> None:
    later = timezone.now() + timedelta(hours=1)

    with transaction.atomic():
        DatabaseOutbox().add("probe", {}, due=later)

    assert OutboxMessage.objects.get().due_at == later
    assert not outbox.woken.is_set()


@pytest.mark.django_db
def test_adding_costs_one_statement(django_assert_num_queries: object) -> None:
    """Performance: the request path pays one INSERT for an effect and asks no broker (R15)."""
    with django_assert_num_queries(1):  # type: ignore[operator]
        DatabaseOutbox().add("probe", {})


@pytest.mark.django_db(transaction=True)
def test_a_commit_opens_no_connection_to_anything(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Reliability-security 0.3: no broker call on the request path, whoever delivers."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "RELAY": "celery"}
    connected: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: connected.append(address))

    with transaction.atomic():
        DatabaseOutbox().add("probe", {})

    assert OutboxMessage.objects.count() == 1
    assert connected == []


def test_the_last_registration_of_a_kind_counts() -> None:
    register("probe", lambda payload: "first")

    @handles("probe")
    def second(payload: dict[str, object]) -> str:
        return "second"

    assert handler_of("probe") is second


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(UnknownKind):
        handler_of("probe.nobody")
