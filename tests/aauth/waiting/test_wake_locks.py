"""Waking waits for no call that is being run: locks go session, intervention, parked call, and whoever wakes
may hold an intervention that the run comes to want."""

from __future__ import annotations

import threading

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone

from gateway.aauth import moves, resuming
from gateway.models import OutboxMessage
from gateway.pending_models import PendingRequest
from gateway.pending_states import OPEN
from tests.aauth.waiting.played import NamedAgent, row
from tests.aauth.waiting.test_lifecycle import sneakers

pytestmark = pytest.mark.services

PATIENCE = "300ms"


def woken_while_a_run_holds_the_call(subject: str) -> None:
    """Raises OperationalError when waking would wait for the run."""
    holds, done = threading.Event(), threading.Event()

    def run() -> None:
        try:
            with transaction.atomic():
                PendingRequest.objects.filter(subject=subject).update(lease_until=timezone.now())
                holds.set()
                assert done.wait(60)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert holds.wait(60)
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            resuming.wake(subject)
    finally:
        done.set()
        thread.join()


def wakes() -> int:
    return OutboxMessage.objects.filter(kind=resuming.WAKE).count()


def test_waking_waits_for_no_run(named: NamedAgent) -> None:
    subject = sneakers(named).json()["checkout_session_id"]
    before = wakes()

    woken_while_a_run_holds_the_call(subject)

    assert wakes() == before + 1


def test_without_that_it_would(named: NamedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""

    def touch(subject: str) -> int:
        rows = PendingRequest.objects.filter(subject=subject, state__in=OPEN)
        return rows.update(updated_at=timezone.now())

    monkeypatch.setattr(moves, "touch", touch)
    subject = sneakers(named).json()["checkout_session_id"]

    with pytest.raises(OperationalError):
        woken_while_a_run_holds_the_call(subject)


def test_a_call_that_nobody_runs_is_seen_to_change(named: NamedAgent) -> None:
    subject = sneakers(named).json()["checkout_session_id"]
    before = row().updated_at

    with transaction.atomic():
        resuming.wake(subject)

    assert row().updated_at > before
