"""What operators see of audit trails: everything that is there, nothing that could be used (T94, T95)."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gateway.models import AuditEvent, AuditSeal, AuditTrail
from tests.interaction_api.trails import TOKEN, call, ended, kept, shopped, visit
from tests.operators import listing, log_in, page

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _trails_are_kept(tmp_path: Path):  # type: ignore[no-untyped-def]
    with kept(tmp_path):
        yield


@pytest.fixture
def operator() -> Client:
    return log_in()


@pytest.mark.requirement("AJ-103", "T95")
def test_a_list_says_how_each_trail_stands(operator: Client) -> None:
    running = visit(agent_name="<b>Botanist</b>\u202e")
    shopped(running)
    sealed = visit("tok_2")
    call(sealed)
    ended(sealed)

    shown = operator.get(listing(AuditTrail)).text

    assert running.pk in shown
    assert sealed.pk in shown
    assert "chain is right, not sealed yet" in shown
    assert "chain and signature are right" in shown
    assert "&lt;b&gt;Botanist&lt;/b&gt;\\u202e" in shown
    assert sealed.pk not in operator.get(listing(AuditTrail) + "?state=open").text


@pytest.mark.requirement("AJ-103")
def test_what_was_altered_stands_out(operator: Client) -> None:
    session = visit()
    shopped(session)
    ended(session)
    with connection.cursor() as cursor:
        on = " ON agentic_audit_event" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER agentic_audit_event_fixed{on}")
    AuditEvent.objects.filter(sequence=2).update(document="{")

    for address in (listing(AuditTrail), page(AuditTrail.objects.get())):
        assert "ALTERED: " in operator.get(address).text


@pytest.mark.requirement("AJ-103")
@pytest.mark.parametrize("document", ["{", "[]", '{"agent": 1}', '{"agent": {"name": 1, "version": null}}'])
def test_a_seal_that_was_altered_leaves_the_screen_readable(operator: Client, document: str) -> None:
    ended(visit())
    with connection.cursor() as cursor:
        on = " ON agentic_audit_seal" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER agentic_audit_seal_fixed{on}")
    AuditSeal.objects.update(document=document)

    for address in (listing(AuditTrail), page(AuditTrail.objects.get())):
        assert "ALTERED: " in operator.get(address).text


@pytest.mark.requirement("T94")
def test_a_page_shows_the_calls_and_no_secret(operator: Client) -> None:
    session = visit()
    call(session, params={"q": TOKEN, "session_token": TOKEN})
    call(session, "checkout", "POST", allowed=False, rule="rate_limit", status=429)
    ended(session)

    shown = operator.get(page(AuditTrail.objects.get())).text

    assert "search  GET  200" in shown
    assert "checkout  POST  429  rate_limit" in shown
    assert "A mug for a friend" in shown
    for secret in (TOKEN, session.digest):
        assert secret not in shown


@pytest.mark.requirement("AJ-106", "T95")
def test_nothing_can_be_done_there(operator: Client) -> None:
    ended(visit())
    trail = AuditTrail.objects.get()

    for address in (page(trail), page(trail).replace("change", "delete"), listing(AuditTrail) + "add/"):
        answer = operator.post(address, {"sequence": "9", "post": "yes"})
        assert answer.status_code in (403, 404)
    assert AuditTrail.objects.get().sequence == 0


def test_a_longer_list_asks_no_more(operator: Client) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert operator.get(listing(AuditTrail)).status_code == 200
        return len(queries)

    for number in range(2):
        shopped(visit(f"tok_{number}"))
    few = asked()
    for number in range(2, 12):
        session = visit(f"tok_{number}")
        shopped(session)
        ended(session)

    assert asked() == few
