"""Fetching an artifact, and what is in a trail of calls that came over HTTP (AJ-099, AJ-108)."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from gateway import audit_keys
from gateway.interaction_api import audit_denials, audit_verification, manifest, sessions
from gateway.models import AgentSession, AuditEvent
from tests.interaction_api.trails import kept
from tests.visitors import BASE, Visitor, configured, failed, told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]


@pytest.fixture(autouse=True)
def key_file(audit_keys_file: Path) -> Path:
    audit_denials.forget()
    return audit_keys_file


def arrived(**said: Any) -> tuple[AgentSession, Visitor]:
    session, token = sessions.create(**said)
    return session, Visitor(token)


def noted(session: AgentSession) -> list[dict[str, Any]]:
    rows = AuditEvent.objects.filter(trail=session.pk).order_by("sequence")
    return [json.loads(row.document) for row in rows]


@pytest.mark.requirement("AJ-099", "AJ-093")
def test_a_visit_from_its_start_to_its_artifact() -> None:
    session, agent = arrived(agent_name="Botanist")
    told(agent.get("/search?q=blue+mugs"))
    failed(agent.get("/detail/no_such_item"))
    failed(agent.get("/search"))

    sessions.end(session)
    answer = Visitor().get(f"/audit/{agent.token}")
    artifact = told(answer)

    assert answer.headers["Cache-Control"] == "no-store"
    calls = [(event["capability"], event["params"], event["response_status"]) for event in artifact["events"]]
    assert calls == [
        ("search", {"q": "blue mugs", "page": 1, "limit": 20}, 200),
        ("detail", {"id": "no_such_item"}, 404),
        ("search", {}, 400),
    ]
    assert {event["policy_result"] for event in artifact["events"]} == {"allow"}
    assert agent.token not in answer.content.decode()
    assert audit_verification.flaw(artifact, [artifact["public_key"]]) is None


@pytest.mark.requirement("AJ-103")
def test_the_key_in_the_artifact_is_the_published_one(key_file: Path) -> None:
    session, agent = arrived()
    sessions.end(session)
    old = told(agent.get(f"/audit/{agent.token}"))

    published = manifest.document()
    assert published["audit"] == {
        "enabled": True,
        "endpoint": f"{BASE}/audit/:session_id",
        "public_key": old["public_key"],
    }
    new = audit_keys.rotate(key_file)

    published = manifest.document()
    assert published["audit"]["public_key"] == new.public_key
    keys = told(agent.get("/audit-keys"))["keys"]
    assert [key["public_key"] for key in keys] == [new.public_key, old["public_key"]]
    assert set(keys[0]) == {"id", "public_key", "created_at", "retired_at"}


@pytest.mark.requirement("AJ-099")
def test_who_asks_too_early_is_told_so() -> None:
    _, agent = arrived()

    answer = agent.get(f"/audit/{agent.token}")

    assert answer.status_code == 425
    assert "open" in failed(answer)


@pytest.mark.requirement("AJ-098", "AJ-099")
def test_a_visit_that_ran_out_needs_no_sweep() -> None:
    session, agent = arrived()
    AgentSession.objects.filter(pk=session.pk).update(expires_at=timezone.now())

    assert told(Visitor().get(f"/audit/{agent.token}"))["sealed_because"] == "deadline"


@pytest.mark.requirement("AJ-098")
def test_sessions_that_were_all_revoked_say_so() -> None:
    _, agent = arrived()

    sessions.revoke_all()

    assert told(Visitor().get(f"/audit/{agent.token}"))["sealed_because"] == "revoked"


@pytest.mark.requirement("AJ-093", "AJ-098")
def test_over_http_from_opening_to_artifact() -> None:
    opened = told(Visitor().post("/session", {"agent_name": "Botanist"}), 201)
    agent = Visitor(opened["session_token"])
    told(agent.post("/cart/add", {"item_id": "prod_9f8e7d", "quantity": 2}), 201)
    assert agent.post("/checkout").status_code == 200
    told(agent.ask("DELETE", "/session"))

    artifact = told(Visitor().get(f"/audit/{agent.token}"))

    assert opened["audit"] is True
    assert [
        (event["capability"], event["params"], event["response_status"]) for event in artifact["events"]
    ] == [
        ("cart.add", {"item_id": "prod_9f8e7d", "quantity": 2}, 201),
        ("checkout", {}, 200),
    ]


@pytest.mark.requirement("AJ-099")
@pytest.mark.parametrize("token", ["tok_unknown", ":session_id", "x" * 500, "%F0%9F%8D%B5"])
def test_of_an_unknown_session_there_is_nothing(token: str) -> None:
    answer = Visitor().get(f"/audit/{token}")

    assert answer.status_code == 404
    failed(answer)


def test_guessing_is_counted() -> None:
    agent = Visitor(address="203.0.113.9")

    statuses = [agent.get(f"/audit/tok_{number}").status_code for number in range(25)]

    assert 429 in statuses
    assert set(statuses) == {404, 429}


@pytest.mark.requirement("AJ-092", "AJ-099")
def test_with_trails_off_there_is_nothing_for_anybody(tmp_path: Path) -> None:
    session, agent = arrived()
    sessions.end(session)

    with kept(tmp_path, AUDIT=False):
        assert agent.get(f"/audit/{agent.token}").status_code == 404
        assert agent.get("/audit/other").status_code == 404
        assert agent.get("/audit-keys").status_code == 404
        assert told(Visitor().get("/search?q=mug"))


@pytest.mark.requirement("AJ-099", "AJ-100")
def test_after_its_time_there_is_nothing() -> None:
    with time_machine.travel(timezone.now() - timedelta(days=91), tick=False):
        session, agent = arrived()
        sessions.end(session)

    assert agent.get(f"/audit/{agent.token}").status_code == 404


@pytest.mark.requirement("AJ-108")
@pytest.mark.parametrize("header", ["X-Agent-Session", "Authorization", "X-Session-Token"])
def test_a_token_in_a_header_must_be_the_same(header: str) -> None:
    session, agent = arrived()
    _, other = arrived()
    sessions.end(session)
    bearer = "Bearer " if header == "Authorization" else ""

    def asked(token: str) -> Any:
        return Visitor().get(f"/audit/{agent.token}", **{header: bearer + token})

    assert asked(agent.token).status_code == 200
    assert asked(other.token).status_code == 403
    assert asked("x").status_code == 403
    failed(asked("x"))


@pytest.mark.requirement("AJ-107")
def test_without_a_key_the_answer_is_later_and_not_an_error(key_file: Path) -> None:
    session, agent = arrived()
    key_file.rename(key_file.with_name("away.json"))
    sessions.end(session)

    answer = agent.get(f"/audit/{agent.token}")

    assert answer.status_code == 503
    failed(answer)
    key = manifest.document()["audit"].get("public_key")
    assert key is None


@pytest.mark.requirement("AJ-099")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_else_is_done_at_its_address(method: str) -> None:
    answer = Visitor().ask(method, "/audit/tok_1")

    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    failed(answer)


# Calls that were turned away -----------------------------------------------------------------


@pytest.mark.requirement("AJ-093", "AJ-105")
def test_a_call_after_the_end_is_noted_until_the_trail_is_sealed(gated: str) -> None:
    session, agent = arrived()
    AgentSession.objects.filter(pk=session.pk).update(expires_at=timezone.now())

    assert agent.get(gated).status_code == 401
    told(agent.get(f"/audit/{agent.token}"))
    assert agent.get(gated).status_code == 401

    [event] = noted(session)
    assert (event["policy_result"], event["matched_rule"]) == ("deny", "session_ended")
    assert event["response_status"] == 401


@pytest.mark.requirement("AJ-093")
def test_a_token_that_comes_from_elsewhere_is_noted(gated: str, tmp_path: Path) -> None:
    with kept(tmp_path, SESSION_BOUND_TO_ADDRESS=True):
        session, agent = arrived(opener="somebody")

        assert agent.get(gated).status_code == 401

    assert [event["matched_rule"] for event in noted(session)] == ["session_address"]


@pytest.mark.requirement("AJ-093")
def test_a_call_beyond_the_rate_is_noted_once_a_minute(tmp_path: Path) -> None:
    with kept(tmp_path, INTERACTION_RATE=2):
        session, agent = arrived()

        statuses = [agent.get("/search?q=mug").status_code for _ in range(6)]

    assert statuses == [200, 200, 429, 429, 429, 429]
    last = noted(session)[2:]
    assert [(event["policy_result"], event["matched_rule"], event["response_status"]) for event in last] == [
        ("deny", "rate_limit", 429)
    ]


def test_a_stranger_is_noted_nowhere(gated: str) -> None:
    assert Visitor("tok_unknown").get(gated).status_code == 401

    assert not AuditEvent.objects.exists()


@pytest.fixture
def gated() -> Any:
    """The address of a capability that needs a session."""
    from gateway.interaction_api import registry

    @registry.capability("test.gated", path="/test/gated", requires_session=True)
    def gated(call: Any) -> dict[str, Any]:
        return {}

    yield "/test/gated"
    registry.unregister("test.gated")


# The log -------------------------------------------------------------------------------------


@pytest.mark.requirement("AJ-102", "T19")
def test_the_token_of_the_address_is_in_no_log(caplog: pytest.LogCaptureFixture, key_file: Path) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "django.request")  # as in a merchant's project
    session, agent = arrived()

    agent.get(f"/audit/{agent.token}")
    agent.get(f"/audit/{agent.token}/")
    agent.ask("POST", f"/audit/{agent.token}")
    Visitor("tok_other").get(f"/audit/{agent.token}")
    sessions.end(session)
    away = key_file.rename(key_file.with_name("away.json"))
    agent.get(f"/audit/{agent.token}")
    away.rename(key_file)
    agent.get(f"/audit/{agent.token}")

    messages = [f"{line.name} {line.getMessage()} {line.args}" for line in caplog.records]
    assert [message for message in messages if agent.token in message and "django.db" not in message] == []


def test_the_log_would_show_it_without_the_mark(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: Django itself logs what is refused with its path."""
    from django.http import HttpResponse

    monkeypatch.setattr(
        HttpResponse, "_has_been_logged", property(lambda _: False, lambda *_: None), raising=False
    )
    caplog.set_level(logging.DEBUG, "django.request")
    _, agent = arrived()

    agent.get(f"/audit/{agent.token}")

    assert agent.token in caplog.text


@pytest.mark.requirement("AJ-066")
def test_made_up_tokens_past_the_limit_cost_no_query(django_assert_num_queries: Any) -> None:
    """What is limited must stay cheap: whoever makes up tokens is soon not looked up any more."""
    with configured(INTERACTION_RATE=1):
        agent = Visitor()
        agent.get("/search?q=mug")
        for number in range(audit_denials.LOOKED_UP):
            agent.token = f"tok_{number}"
            assert agent.get("/search?q=mug").status_code == 429

        with django_assert_num_queries(0):
            for number in range(50):
                agent.token = f"tok_more_{number}"
                assert agent.get("/search?q=mug").status_code == 429
