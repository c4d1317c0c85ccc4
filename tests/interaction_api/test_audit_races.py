"""A crowd on one trail. SQLite writes one at a time and cannot show it."""

from __future__ import annotations

from collections import Counter

import pytest
from django.db import IntegrityError, OperationalError, transaction

from gateway.interaction_api import audit
from gateway.interaction_api import audit_verification as verification
from gateway.models import AgentSession, AuditEvent, AuditSeal, AuditTrail
from interventions.prepared import Lookup
from tests.crowd import at_once
from tests.interaction_api.trails import call, ended, events, visit

pytestmark = [
    pytest.mark.services,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("audit_keys_file"),
    pytest.mark.requirement("AJ-106"),
]

CROWD = 20
EACH = 5


def adding(session: AgentSession) -> Counter[str]:
    def some(number: int) -> list[str]:
        came = []
        for turn in range(EACH):
            try:
                with transaction.atomic():
                    call(session, "cart.add", "POST", params={"item_id": f"p{number}", "quantity": turn + 1})
                came.append("added")
            except (IntegrityError, OperationalError, audit.TrailClosed) as refusal:
                came.append(type(refusal).__name__)
        return came

    return Counter(outcome for outcomes in at_once(CROWD, some) for outcome in outcomes)


def test_a_crowd_adds_to_one_chain() -> None:
    session = visit()

    assert adding(session) == {"added": CROWD * EACH}

    assert [event.sequence for event in events(session)] == list(range(1, CROWD * EACH + 1))
    trail = AuditTrail.objects.get()
    assert verification.flaw_of_trail(trail, ()) is None


def test_a_trail_that_is_not_there_yet_is_made_once() -> None:
    session = visit()
    other = AgentSession.objects.create(digest="d", hint="h", expires_at=session.expires_at)

    assert adding(other) == {"added": CROWD * EACH}

    assert AuditTrail.objects.get(pk=other.pk).sequence == CROWD * EACH


def test_without_the_lock_the_database_refuses_what_would_fork_the_chain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Negative control: the lock is what lets everybody in."""
    unlocked = Lookup(AuditTrail, lambda place: AuditTrail.objects.filter(pk=place("session")).order_by())
    monkeypatch.setattr(audit, "_locked", unlocked)
    session = visit()

    came = adding(session)

    assert came["IntegrityError"] > 0
    assert came["added"] == AuditEvent.objects.count() < CROWD * EACH
    assert verification.flaw_of_trail(AuditTrail.objects.get(), ()) is None


def test_a_trail_is_sealed_once_and_over_all_that_came_before() -> None:
    session = visit()

    def one(number: int) -> str:
        try:
            if number % 5 == 4:
                ended(session)
                return "ended"
            with transaction.atomic():
                call(session, "cart.add", "POST")
            return "added"
        except audit.TrailClosed:
            return "closed"

    came = Counter(at_once(CROWD, one))

    seal = AuditSeal.objects.get()
    assert came["ended"] == CROWD // 5
    assert came["added"] == seal.events == len(events(session))
    assert came["added"] + came["closed"] == CROWD - CROWD // 5
    assert verification.flaw_of_trail(AuditTrail.objects.get(), (seal.public_key,)) is None
