"""The database itself refuses to change what was audited, on both databases (AJ-106)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from gateway.interaction_api import audit
from gateway.models import AgentSession, AuditEvent, AuditSeal, AuditTrail
from tests import emptying
from tests.interaction_api.trails import call, ended, shopped, visit

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("audit_keys_file")]


@pytest.fixture
def sealed() -> AgentSession:
    session = visit()
    shopped(session)
    return ended(session)


@pytest.fixture
def running() -> AgentSession:
    session = visit("tok_2")
    shopped(session)
    return session


def refused(statement: str, *params: Any) -> None:
    with (
        pytest.raises(IntegrityError, match="agentic: "),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, params)


UPDATES = [
    *(("agentic_audit_event", column) for column in ("document", "hash", "prev_hash", "id", "trail_id")),
    *(("agentic_audit_seal", column) for column in ("document", "root_hash", "signature", "key_id")),
    *(("agentic_audit_trail", column) for column in ("head", "session")),
]


@pytest.mark.requirement("AJ-106")
@pytest.mark.parametrize(("table", "column"), UPDATES)
def test_no_column_is_changed(sealed: AgentSession, running: AgentSession, table: str, column: str) -> None:
    refused(f"UPDATE {table} SET {column} = 'x'")


@pytest.mark.requirement("AJ-106")
@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("agentic_audit_event", "sequence = sequence + 10"),
        ("agentic_audit_event", "created_at = '2001-01-01 00:00:00'"),
        ("agentic_audit_seal", "sealed_at = '2001-01-01 00:00:00'"),
        ("agentic_audit_seal", "events = 1"),
        ("agentic_audit_trail", "opened_at = '2001-01-01 00:00:00'"),
        ("agentic_audit_trail", "sequence = sequence + 1"),
        ("agentic_audit_trail", "sequence = sequence - 1"),
        ("agentic_audit_trail", "sealed_at = '2001-01-01 00:00:00'"),
        ("agentic_audit_trail", "sealed_at = NULL"),
    ],
)
def test_no_number_and_no_time_is_changed(
    sealed: AgentSession, running: AgentSession, table: str, change: str
) -> None:
    refused(f"UPDATE {table} SET {change}")


@pytest.mark.requirement("AJ-100", "AJ-106")
@pytest.mark.parametrize("table", ["agentic_audit_event", "agentic_audit_seal", "agentic_audit_trail"])
def test_nothing_is_deleted_in_its_first_thirty_days(sealed: AgentSession, table: str) -> None:
    refused(f"DELETE FROM {table}")


@pytest.mark.requirement("AJ-100", "AJ-106")
def test_what_is_older_may_be_deleted() -> None:
    with time_machine.travel(timezone.now() - timedelta(days=30, minutes=1), tick=False):
        session = visit()
        shopped(session)
        ended(session)

    AuditEvent.objects.all().delete()
    AuditSeal.objects.all().delete()
    AuditTrail.objects.all().delete()

    assert not AuditTrail.objects.exists()


@pytest.mark.requirement("AJ-106")
def test_an_event_is_the_next_of_its_chain_or_none(running: AgentSession) -> None:
    trail = AuditTrail.objects.get(pk=running.pk)
    right = {"trail": trail, "sequence": 4, "prev_hash": trail.head, "hash": "f" * 64, "document": "{}"}

    for wrong in ({"sequence": 5}, {"sequence": 3}, {"prev_hash": "0" * 64}, {"prev_hash": ""}):
        with pytest.raises(IntegrityError), transaction.atomic():
            AuditEvent.objects.create(**{**right, **wrong})
    AuditEvent.objects.create(**right)

    trail.refresh_from_db()
    assert (trail.sequence, trail.head) == (4, "f" * 64)


@pytest.mark.requirement("AJ-106")
def test_nothing_follows_the_last_seal(sealed: AgentSession) -> None:
    trail = AuditTrail.objects.get(pk=sealed.pk)

    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEvent.objects.create(
            trail=trail, sequence=trail.sequence + 1, prev_hash=trail.head, hash="f" * 64, document="{}"
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditSeal.objects.create(trail=trail, events=trail.sequence, final=False, document="{}")


@pytest.mark.requirement("AJ-106")
def test_a_seal_is_over_every_event(running: AgentSession) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditSeal.objects.create(trail_id=running.pk, events=2, final=True, document="{}")


@pytest.mark.requirement("AJ-106")
def test_a_trail_begins_empty() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditTrail.objects.create(session="ase_1", sequence=3, head="f" * 64)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has this statement")
@pytest.mark.requirement("AJ-106")
@pytest.mark.parametrize("table", ["agentic_audit_event", "agentic_audit_seal", "agentic_audit_trail"])
def test_sqlites_replace_replaces_nothing(sealed: AgentSession, table: str) -> None:
    """It removes the row that is in its way without asking the triggers."""
    refused(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("AJ-106")
def test_the_rules_can_be_taken_down_and_put_up_again(audit_keys_file: Any) -> None:
    call_command("migrate", "agentic_gateway", "0007", verbosity=0)
    try:
        AuditTrail.objects.create(session="ase_1", sequence=3, head="f" * 64)
        AuditTrail.objects.all().delete()
    finally:
        call_command("migrate", "agentic_gateway", verbosity=0)

    with pytest.raises(IntegrityError):
        AuditTrail.objects.create(session="ase_1", sequence=3, head="f" * 64)


@pytest.mark.django_db(transaction=True)
def test_a_database_of_tests_is_emptied_all_the_same(audit_keys_file: Any) -> None:
    """And has its rules afterwards: the next test is one of them."""
    shopped(visit())

    emptying.empty(connection)

    assert not AuditEvent.objects.exists()
    columns = "(session, sequence, head, opened_at)"
    refused(f"INSERT INTO agentic_audit_trail {columns} VALUES ('a', 1, '', '2001-01-01')")
    call(visit())


def test_the_checks_use_the_same_time_as_the_rules() -> None:
    assert audit.LEAST_KEEP_DAYS == 30
