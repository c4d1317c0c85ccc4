"""The audit trail of a visit: written with the effect, chained, sealed (AJ-092 to AJ-108)."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import rfc8785
import time_machine
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gateway import audit_keys, periodic
from gateway.interaction_api import audit, sessions
from gateway.models import AgentSession, AuditEvent, AuditSeal, AuditTrail
from tests.interaction_api.trails import TOKEN, call, ended, events, kept, shopped, visit

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("audit_keys_file")]


def written(session: AgentSession) -> list[dict[str, Any]]:
    return [json.loads(event.document) for event in events(session)]


# Events ------------------------------------------------------------------------------------


@pytest.mark.requirement("AJ-093", "AJ-094")
def test_every_call_is_an_event_of_the_chain() -> None:
    session = visit()

    shopped(session)

    first, second, third = written(session)
    assert first == {
        "event_id": events(session)[0].pk,
        "timestamp": first["timestamp"],
        "capability": "search",
        "method": "GET",
        "params": {"q": "blue mugs"},
        "policy_result": "allow",
        "matched_rule": "allowed",
        "response_status": 200,
        "prev_hash": "",
    }
    assert first["timestamp"].endswith("Z")
    assert second["params"] == {"item_id": "prod_9f8e7d", "quantity": 2}
    assert second["response_status"] == 201
    for earlier, later in ((first, second), (second, third)):
        assert later["prev_hash"] == hashlib.sha256(rfc8785.dumps(earlier)).hexdigest()
    assert [event.hash for event in events(session)] == [
        hashlib.sha256(rfc8785.dumps(event)).hexdigest() for event in (first, second, third)
    ]


@pytest.mark.requirement("AJ-092")
def test_nothing_is_kept_when_trails_are_off(settings: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AUDIT": False}

    session = visit()
    shopped(session)
    ended(session)

    assert not AuditTrail.objects.exists()
    with pytest.raises(audit.NoTrail):
        audit.document(session)


@pytest.mark.requirement("AJ-093")
def test_visits_have_chains_of_their_own() -> None:
    one, other = visit(), visit("tok_other")

    call(one)
    call(other)
    call(one)

    assert [event.sequence for event in events(one)] == [1, 2]
    assert written(other)[0]["prev_hash"] == ""


@pytest.mark.requirement("AJ-106")
def test_an_event_shares_the_fate_of_its_effect() -> None:
    session = visit()

    with transaction.atomic():
        call(session)
        transaction.set_rollback(True)

    assert events(session) == []
    assert AuditTrail.objects.get().sequence == 0


@pytest.mark.requirement("AJ-106")
def test_an_event_keeps_nothing_that_can_still_change() -> None:
    session = visit()
    basket: dict[str, Any] = {"item_id": "prod_1", "quantity": 1}

    call(session, "cart.add", "POST", params=basket)
    basket["quantity"] = 99

    assert written(session)[0]["params"]["quantity"] == 1
    call(session)
    assert (
        written(session)[1]["prev_hash"] == hashlib.sha256(events(session)[0].document.encode()).hexdigest()
    )


@pytest.mark.requirement("AJ-106")
def test_an_event_costs_two_statements() -> None:
    session = visit()
    call(session)

    with transaction.atomic(), CaptureQueriesContext(connection) as asked:
        call(session, "cart.add", "POST", params={"item_id": "prod_1", "quantity": 1})

    assert [query["sql"].split()[0] for query in asked.captured_queries] == ["SELECT", "INSERT"]


@pytest.mark.requirement("AJ-093", "AJ-105")
def test_what_was_denied_is_an_event_too() -> None:
    session = visit()

    call(session, "checkout", "POST", params={}, allowed=False, rule="rate_limit", status=429)

    [event] = written(session)
    assert (event["policy_result"], event["matched_rule"], event["response_status"]) == (
        "deny",
        "rate_limit",
        429,
    )


def test_denials_do_not_fill_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MOST_WITH_DENIALS", 3)
    session = visit()

    for _ in range(5):
        call(session, allowed=False, status=429)
    call(session)

    assert [event["policy_result"] for event in written(session)] == ["deny", "deny", "deny", "allow"]


# Redaction ---------------------------------------------------------------------------------

CARD = "4242424242424242"


@pytest.mark.requirement("AJ-101", "AJ-102", "T19")
@pytest.mark.parametrize(
    ("capability", "params", "kept"),
    [
        ("search", {"q": "blue mugs", "page": 2, "limit": 10}, {"q": "blue mugs", "page": 2, "limit": 10}),
        ("search", {"q": "ada@example.com"}, {"q": {"redacted": "string", "length": 15}}),
        ("search", {"q": "call 0151 2345678"}, {"q": {"redacted": "string", "length": 17}}),
        ("search", {"q": "my code is 482913"}, {"q": {"redacted": "string", "length": 17}}),
        ("search", {"q": "4242 4242 4242 4242"}, {"q": {"redacted": "string", "length": 19}}),
        ("search", {"q": TOKEN}, {"q": {"redacted": "string", "length": len(TOKEN)}}),
        ("search", {"q": "x" * 201}, {"q": {"redacted": "string", "length": 201}}),
        ("search", {"q": "\ud800"}, {"q": {"redacted": "string", "length": 1}}),
        ("search", {"q": "a\x00b"}, {"q": {"redacted": "string", "length": 3}}),
        ("search", {"limit": 2**60}, {"limit": {"redacted": "number"}}),
        ("search", {"limit": float("nan")}, {"limit": {"redacted": "number"}}),
        ("search", {"q": ["a", "b"]}, {"q": {"redacted": "array", "length": 2}}),
        ("detail", {"id": "0b0e1a52-0f9a-4a4e-9d57-0f8b0d6f3a11"}, None),
        ("detail", {"id": CARD}, {"id": {"redacted": "string", "length": 16}}),
        ("detail", {"id": int(CARD)}, {"id": {"redacted": "number"}}),
        ("cart.add", {"item_id": "4006381333931", "quantity": 1}, None),
        (
            "contact",
            {"message": "I am Ada", "email": "ada@example.com", "urgent": True, "none": None},
            {
                "message": {"redacted": "string", "length": 8},
                "email": {"redacted": "string", "length": 15},
                "urgent": {"redacted": "boolean"},
                "none": {"redacted": "null"},
            },
        ),
        ("gift.wrap", {"card_text": {"to": "Ada"}}, {"card_text": {"redacted": "object", "length": 1}}),
    ],
)
def test_parameters_are_kept_by_an_allow_list(
    capability: str, params: dict[str, Any], kept: dict[str, Any] | None
) -> None:
    session = visit()

    call(session, capability, params=params, declared=frozenset(params))

    assert written(session)[0]["params"] == (params if kept is None else kept)


@pytest.mark.requirement("AJ-101", "T19")
def test_not_even_the_name_of_an_undeclared_member_is_kept() -> None:
    session = visit()

    call(session, params={"q": "mugs", "ada@example.com": 1, CARD: 2, "session_token": TOKEN})

    assert written(session)[0]["params"] == {"q": "mugs", "*": {"redacted": "members", "length": 3}}


@pytest.mark.requirement("AJ-102")
def test_a_merchant_says_what_of_a_capability_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.interaction_api import audit_redaction

    monkeypatch.setattr(audit_redaction, "KEPT", dict(audit_redaction.KEPT))
    audit_redaction.keep("gift.wrap", "paper")
    session = visit()

    call(
        session,
        "gift.wrap",
        params={"paper": "blue", "text": "For Ada"},
        declared=frozenset({"paper", "text"}),
    )

    assert written(session)[0]["params"] == {"paper": "blue", "text": {"redacted": "string", "length": 7}}


# Sealing -----------------------------------------------------------------------------------


@pytest.mark.requirement("AJ-095", "AJ-096", "AJ-097")
def test_the_artifact_as_the_text_describes_it() -> None:
    session = visit()
    shopped(session)

    ended(session)
    artifact = audit.document(session)

    assert set(artifact) == {
        *("session_id", "site", "created_at", "ended_at", "agent", "events"),
        *("root_hash", "signature", "public_key"),
        *("key_id", "sealed_because", "artifact_signature"),
    }
    assert artifact["site"] == "http://localhost:8000"
    assert artifact["agent"] == {"name": "Botanist", "version": "1.0", "purpose": "A mug for a friend"}
    assert artifact["events"] == written(session)
    hashes = [hashlib.sha256(rfc8785.dumps(event)).hexdigest() for event in artifact["events"]]
    assert artifact["root_hash"] == hashlib.sha256("".join(hashes).encode()).hexdigest()
    assert artifact["public_key"].startswith("MCowBQYDK2VwAyEA")
    key: Any = load_der_public_key(b64decode(artifact["public_key"], validate=True))
    key.verify(b64decode(artifact["signature"]), artifact["root_hash"].encode())
    unsigned = {name: value for name, value in artifact.items() if name != "artifact_signature"}
    key.verify(b64decode(artifact["artifact_signature"]), rfc8785.dumps(unsigned))


@pytest.mark.requirement("AJ-102", "T94")
def test_no_row_and_no_artifact_holds_the_token() -> None:
    session = visit()
    shopped(session)
    call(session, "session.end", "DELETE", params={"session_token": TOKEN})
    ended(session)

    rows = [*AuditEvent.objects.values(), *AuditSeal.objects.values(), *AuditTrail.objects.values()]

    assert TOKEN not in str(rows) + json.dumps(audit.document(session))
    assert audit.document(session)["session_id"] == session.digest


@pytest.mark.requirement("AJ-098", "AJ-099")
def test_an_open_visit_has_no_artifact_yet() -> None:
    session = visit()
    shopped(session)

    with pytest.raises(audit.StillOpen):
        audit.document(session)


@pytest.mark.requirement("AJ-098")
def test_a_visit_past_its_deadline_is_sealed_when_somebody_asks() -> None:
    session = visit(expires_at=timezone.now() - timedelta(seconds=5))
    call(session, allowed=False, rule="session_ended", status=401)

    artifact = audit.document(session)

    assert artifact["sealed_because"] == "deadline"
    assert artifact["ended_at"] < artifact["events"][0]["timestamp"]
    assert audit.document(session) == artifact
    assert AuditSeal.objects.count() == 1


@pytest.mark.requirement("AJ-098")
def test_the_sweep_seals_what_nobody_asks_for() -> None:
    overdue = visit(expires_at=timezone.now())
    revoked = visit("tok_2", ended_at=timezone.now(), ended_because="revoked")
    running = visit("tok_3")
    shopped(overdue)

    assert audit.seal_due() == 2
    assert audit.seal_due() == 0

    assert audit.document(overdue)["sealed_because"] == "deadline"
    assert audit.document(revoked)["sealed_because"] == "revoked"
    assert not AuditTrail.objects.get(pk=running.pk).seals.exists()


@pytest.mark.requirement("AJ-093", "AJ-098")
def test_nothing_is_added_to_a_sealed_trail() -> None:
    session = visit()
    shopped(session)
    ended(session)
    before = audit.document(session)

    with pytest.raises(audit.TrailClosed), transaction.atomic():
        call(session, "cart.add", "POST")
    call(session)
    call(session, allowed=False, rule="session_ended", status=401)
    audit.close(session, "agent")

    assert audit.document(session) == before
    assert len(events(session)) == 3


def test_a_visit_without_calls_has_an_artifact_too() -> None:
    artifact = audit.document(ended(visit()))

    assert artifact["events"] == []
    assert artifact["root_hash"] == hashlib.sha256(b"").hexdigest()


def test_of_a_visit_that_was_not_audited_nothing_is_claimed() -> None:
    other = AgentSession.objects.create(
        digest="x", hint="x", expires_at=timezone.now(), ended_at=timezone.now()
    )
    audit.close(other, "agent")

    with pytest.raises(audit.NoTrail):
        audit.document(other)


@pytest.mark.requirement("AJ-107")
def test_a_visit_ends_also_without_a_key_and_is_sealed_later(
    audit_keys_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    session = visit()
    shopped(session)
    away = audit_keys_file.rename(audit_keys_file.with_name("away.json"))

    ended(session)

    assert "unsealed" in caplog.text
    assert audit.seal_due() == 0
    assert audit.public_key() is None
    with pytest.raises(audit_keys.Unusable):
        audit.document(session)
    away.rename(audit_keys_file)
    assert audit.seal_due() == 1
    assert len(audit.document(session)["events"]) == 3


@pytest.mark.requirement("AJ-107")
def test_what_an_older_key_sealed_stays_as_it_is(audit_keys_file: Path) -> None:
    session = ended(visit())
    before = audit.document(session)

    new = audit_keys.rotate(audit_keys_file)

    assert audit.document(session) == before
    assert audit.public_key() == new.public_key != before["public_key"]
    assert before["public_key"] in [key.public_key for key in audit.public_keys()]
    assert audit.document(ended(visit("tok_2")))["key_id"] == new.id


# Retention ---------------------------------------------------------------------------------


@pytest.mark.requirement("AJ-100")
def test_trails_are_kept_for_their_time_and_not_longer() -> None:
    now = timezone.now()
    with time_machine.travel(now - timedelta(days=91), tick=False):
        over = visit()
        shopped(over)
        ended(over)
        late = visit("tok_2")
        call(late)
    with time_machine.travel(now - timedelta(days=89), tick=False):
        young = ended(visit("tok_3"))
        ended(late)

    with pytest.raises(audit.NoTrail):
        audit.document(over)
    assert audit.purge() == 1
    assert audit.purge() == 0

    assert set(AuditTrail.objects.values_list("pk", flat=True)) == {late.pk, young.pk}
    assert len(audit.document(late)["events"]) == 1
    assert not AuditEvent.objects.filter(trail=over.pk).exists()


@pytest.mark.requirement("AJ-100")
def test_sealing_and_forgetting_happen_by_themselves() -> None:
    assert {"audit.seal", "audit.purge"} <= set(periodic.names())
    visit(expires_at=timezone.now())

    periodic.run_periodic("audit.seal")
    periodic.run_periodic("audit.purge")

    assert AuditSeal.objects.count() == 1


@pytest.mark.requirement("AJ-100")
def test_a_young_event_keeps_its_trail_and_no_other(audit_keys_file: Path) -> None:
    """A trail that could not be sealed goes on; the database lets none of its young events be deleted."""
    now = timezone.now()
    with kept(audit_keys_file.parent, AUDIT_KEEP_DAYS=audit.LEAST_KEEP_DAYS):
        with time_machine.travel(now - timedelta(days=31), tick=False):
            unsealed, over = visit(), visit("tok_2")
            ended(over)
        with time_machine.travel(now - timedelta(days=29), tick=False):
            call(unsealed, allowed=False, status=401)

        assert audit.purge() == 1

    assert set(AuditTrail.objects.values_list("pk", flat=True)) == {unsealed.pk}


@pytest.mark.requirement("AJ-100")
def test_a_clock_that_is_ahead_of_the_databases_deletes_nothing_too_early(audit_keys_file: Path) -> None:
    now = timezone.now()
    with kept(audit_keys_file.parent, AUDIT_KEEP_DAYS=audit.LEAST_KEEP_DAYS):
        with time_machine.travel(now - timedelta(days=40), tick=False):
            ended(visit())
        with time_machine.travel(now - timedelta(days=30, minutes=-5), tick=False):
            edge = ended(visit("tok_2"))

        with time_machine.travel(now + timedelta(minutes=10), tick=False):
            assert audit.purge() == 1

    assert AuditTrail.objects.get().pk == edge.pk


@pytest.mark.requirement("AJ-103")
def test_trails_without_a_session_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "SEALED_AT_ONCE", 1)
    gone = visit()
    AgentSession.objects.filter(pk=gone.pk).delete()
    visit("tok_2", expires_at=timezone.now())

    assert audit.seal_due() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.requirement("AJ-106")
def test_one_that_cannot_be_sealed_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody went past the rules of the database; the others end, and are sealed."""
    spoilt, whole = (visit(f"tok_{number}", expires_at=timezone.now()) for number in range(2))
    shopped(spoilt)
    insert = audit.insert

    def refusing(rows: Any, **options: Any) -> int:
        if isinstance(rows[0], AuditSeal) and rows[0].trail_id == spoilt.pk:
            raise IntegrityError("agentic: an audit seal is over every event of an open trail")
        return insert(rows, **options)

    monkeypatch.setattr(audit, "insert", refusing)

    assert audit.seal_due() == 1
    assert sessions.end_overdue() == 1
    assert spoilt.pk in caplog.text

    whole.refresh_from_db()
    assert whole.ended_at is not None
