"""One key, one effect, one answer: requirement section F, reliability-security group G."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from checkout.models import CheckoutSession, Order
from gateway import idempotency
from gateway.models import IdempotentRequest
from tests.agents import MINIMAL, PlayedAgent, paying


@pytest.mark.requirement("ACP-084", "ACP-099")
def test_every_post_needs_a_key(agent: PlayedAgent) -> None:
    """ACP-084: create, update, complete and cancel alike, before any work."""
    session = agent.ready()
    for path, body in (
        ("/checkout_sessions", MINIMAL),
        (f"/checkout_sessions/{session['id']}", {}),
        (f"/checkout_sessions/{session['id']}/complete", paying()),
        (f"/checkout_sessions/{session['id']}/cancel", None),
    ):
        response = agent.post(path, body, key=None)

        assert response.status_code == 400
        assert response.json()["code"] == "idempotency_key_required"
    assert CheckoutSession.objects.count() == 1


@pytest.mark.requirement("ACP-085")
@pytest.mark.parametrize("key", ["", "x" * 256, "a,b", "a\tb", "ü"])
def test_a_key_that_is_no_key(agent: PlayedAgent, key: str) -> None:
    """ACP-085, T66, recipes 3: empty, too long, joined, or not plain ASCII."""
    response = agent.http.post(
        "/agentic/acp/checkout_sessions",
        json.dumps(MINIMAL),
        content_type="application/json",
        headers=agent.headers(**{"Idempotency-Key": key}),
    )

    assert response.status_code == 400
    assert not CheckoutSession.objects.exists()


@pytest.mark.requirement("ACP-0.5", "ACP-012", "ACP-091", "ACP-092")
def test_a_replay_is_the_first_answer(agent: PlayedAgent) -> None:
    """ACP-091, ACP-092, ACP-012: same status, same bytes, marked; no second session."""
    first = agent.post("/checkout_sessions", MINIMAL, key="k1")
    again = agent.post("/checkout_sessions", MINIMAL, key="k1")

    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.headers["Idempotency-Key"] == again.headers["Idempotency-Key"] == "k1"
    assert CheckoutSession.objects.count() == 1


@pytest.mark.requirement("ACP-087", "ACP-088", "ACP-093", "R03")
def test_bodies_are_compared_by_meaning(agent: PlayedAgent) -> None:
    """ACP-087, ACP-088: key order and 1.0 are no difference, null and array order are."""
    body = {"line_items": [{"id": "item_mug", "quantity": 1}], "currency": "usd", "capabilities": {}}
    agent.post("/checkout_sessions", body, key="k1")

    same = b'{"capabilities": {}, "currency": "usd", "line_items": [{"quantity": 1.0, "id": "item_mug"}]}'
    assert agent.post("/checkout_sessions", key="k1", raw=same).headers["Idempotent-Replayed"] == "true"
    for other in ({**body, "buyer": None}, {**body, "line_items": [{"id": "item_mug", "quantity": 2}]}):
        response = agent.post("/checkout_sessions", other, key="k1")
        assert response.status_code == 422
        assert response.json()["code"] == "idempotency_conflict"
    assert CheckoutSession.objects.count() == 1


@pytest.mark.requirement("ACP-076", "ACP-088", "R03")
def test_null_and_absent_are_different_bodies(agent: PlayedAgent) -> None:
    """ACP-076, ACP-088."""
    session = agent.ready()
    agent.post(f"/checkout_sessions/{session['id']}", {}, key="k1")

    assert agent.post(f"/checkout_sessions/{session['id']}", {"buyer": None}, key="k1").status_code == 422


@pytest.mark.requirement("ACP-004", "ACP-086")
def test_the_scope_is_agent_and_path(agent: PlayedAgent, other: PlayedAgent) -> None:
    """ACP-086, T65: the same key elsewhere is another key."""
    session = agent.post("/checkout_sessions", MINIMAL, key="1").json()

    foreign = other.post("/checkout_sessions", MINIMAL, key="1")
    elsewhere = agent.post(f"/checkout_sessions/{session['id']}/cancel", key="1")

    assert foreign.status_code == 201
    assert foreign.json()["id"] != session["id"]
    assert elsewhere.status_code == 200


@pytest.mark.requirement("ACP-091", "ACP-100")
def test_a_refusal_by_the_business_is_replayed(agent: PlayedAgent) -> None:
    """ACP-091, ACP-100: 400 `invalid_item_id` and 405, with Allow again."""
    body = {**MINIMAL, "line_items": [{"id": "item_x"}]}
    session = agent.create()
    agent.cancel(session)
    for path, sent in (("/checkout_sessions", body), (f"/checkout_sessions/{session['id']}/cancel", None)):
        first = agent.post(path, sent, key="k1")
        again = agent.post(path, sent, key="k1")

        assert first.status_code == again.status_code >= 400
        assert first.content == again.content
        assert again.headers["Idempotent-Replayed"] == "true"
        assert first.headers.get("Allow") == again.headers.get("Allow")


@pytest.mark.requirement("ACP-100", "ACP-101")
def test_a_malformed_request_does_not_spend_the_key(agent: PlayedAgent) -> None:
    """ACP-100, ACP-101: refused before the key is looked at; the mended request is new."""
    assert agent.post("/checkout_sessions", key="k1", raw=b"{").status_code == 400
    assert agent.post("/checkout_sessions", {"currency": "usd"}, key="k1").status_code == 400

    assert agent.post("/checkout_sessions", MINIMAL, key="k1").status_code == 201


@pytest.mark.requirement("ACP-021", "ACP-095")
def test_a_server_error_is_never_kept(agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """ACP-095: 500 in ACP's words without a trace of ours; then the same key runs afresh."""
    from checkout import services

    with monkeypatch.context() as broken:
        broken.setattr(services, "reprice", _explode)
        failed = agent.post("/checkout_sessions", MINIMAL, key="k1")
    worked = agent.post("/checkout_sessions", MINIMAL, key="k1")

    assert failed.status_code == 500
    assert failed.json()["type"] == "processing_error"
    assert "secret detail" not in failed.content.decode()
    assert worked.status_code == 201
    assert "Idempotent-Replayed" not in worked.headers


@pytest.mark.requirement("ACP-0.5", "ACP-023", "ACP-093", "ACP-094")
def test_a_claim_in_flight_is_409_with_retry_after(agent: PlayedAgent) -> None:
    """ACP-094; another body is still 422 (ACP-093, acp.md 0.5)."""
    session = agent.ready()
    agent.complete(session, key="k1")
    IdempotentRequest.objects.filter(key="k1").update(
        state="in_flight", lease_until=timezone.now() + timedelta(seconds=30)
    )

    busy = agent.complete(session, key="k1")
    conflict = agent.complete(session, paying("tok_other"), key="k1")

    assert busy.status_code == 409
    assert busy.json()["code"] == "idempotency_in_flight"
    assert int(busy.headers["Retry-After"]) >= 1
    assert conflict.status_code == 422


@pytest.mark.requirement("ACP-0.5", "ACP-102")
def test_a_dead_lease_is_taken_over_and_the_old_holder_is_fenced_off(agent: PlayedAgent) -> None:
    """ACP-102, T68, T69."""
    where = idempotency.slot("key:a", "POST", "/x", "k1", b"{}")
    first = idempotency.claim(where)
    assert isinstance(first, idempotency.Claim)
    IdempotentRequest.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    second = idempotency.claim(where)

    assert isinstance(second, idempotency.Claim)
    assert second.resumed
    assert second.name == first.name
    with pytest.raises(idempotency.Beaten):
        idempotency.finish(first, 200, b"{}")
    idempotency.finish(second, 200, b"{}")
    assert idempotency.claim(where) == idempotency.Replay(200, b"{}")


@pytest.mark.requirement("ACP-096", "ACP-103")
def test_a_key_is_new_again_after_the_keeping_time(agent: PlayedAgent) -> None:
    """ACP-096: at least 24 h; afterwards no error, with and without the purge."""
    first = agent.post("/checkout_sessions", MINIMAL, key="k1")

    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        kept = agent.post("/checkout_sessions", MINIMAL, key="k1")
    with time_machine.travel(timezone.now() + timedelta(hours=49)):
        fresh = agent.post("/checkout_sessions", {**MINIMAL, "order_notes": "x"}, key="k1")
    with time_machine.travel(timezone.now() + timedelta(hours=98)):
        purged = idempotency.purge()

    assert kept.json()["id"] == first.json()["id"]
    assert fresh.status_code == 201
    assert fresh.json()["id"] != first.json()["id"]
    assert purged == 1
    assert not IdempotentRequest.objects.exists()


@pytest.mark.requirement("ACP-042", "ACP-091")
def test_a_completed_purchase_is_replayed(agent: PlayedAgent) -> None:
    """ACP-042: the replay still answers 200 on a session that takes nothing any more."""
    session = agent.ready()
    first = agent.complete(session, key="k1")

    again = agent.complete(session, key="k1")

    assert again.status_code == 200
    assert again.content == first.content
    assert Order.objects.count() == 1


@pytest.mark.requirement("ACP-089")
def test_an_empty_cancel_body_equals_an_empty_object(agent: PlayedAgent) -> None:
    """ACP-089."""
    session = agent.create()
    agent.cancel(session, None, key="k1")

    assert agent.cancel(session, {}, key="k1").headers["Idempotent-Replayed"] == "true"


@pytest.mark.requirement("ACP-103")
def test_the_body_is_kept_only_as_a_keyed_hash(agent: PlayedAgent) -> None:
    """ACP-103, decision 24: another key, another fingerprint; the row holds no plain digest."""
    import hashlib

    agent.post("/checkout_sessions", MINIMAL, key="k1")
    row = IdempotentRequest.objects.get()
    plain = hashlib.sha256(
        b'{"capabilities":{},"currency":"usd","line_items":[{"id":"item_mug"}]}'
    ).hexdigest()

    assert row.fingerprint != plain
    assert len(row.fingerprint) == 64


def _explode(*_: object) -> None:
    raise KeyError("secret detail")
