"""`{base}/session` over HTTP: requirement section 1.7, Q8, Q10, Q15, Q20; the seed's example 4."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client, override_settings

from gateway import idempotency
from gateway.interaction_api import audit, registry, sessions
from gateway.interaction_api.capabilities import Call, Capability, Param, Seal
from gateway.models import IdempotentRequest
from gateway.session_models import AgentSession
from tests.visitors import Visitor, failed, told

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
UNKNOWN = "tok_" + "a" * 43


def configured(**keys: Any) -> Any:
    return override_settings(AGENTIC_GATEWAY={**settings.AGENTIC_GATEWAY, **keys})


def note(call: Call, seal: Seal) -> None:
    """Says for whom it was called."""
    seal({"owner": call.session.owner if call.session else None})


@pytest.fixture(autouse=True)
def own() -> Iterator[None]:
    """A capability that needs a session, and one that does not."""
    entries = [
        Capability("note.keep", "POST", "/note", note, requires_session=True),
        Capability("note.free", "POST", "/note/free", note, params={"words": Param("string")}),
    ]
    for entry in entries:
        registry.register(entry)
    yield
    for entry in entries:
        registry.unregister(entry.name)


def opened(visitor: Visitor, body: Any = None, **options: Any) -> str:
    data = told(visitor.post("/session", body, **options), 201)
    token: str = data["session_token"]
    return token


@pytest.mark.requirement("AJ-069", "AJ-070")
def test_the_seeds_fourth_example(visitor: Visitor) -> None:
    """As written: no body, no header; 201, a token, an end, the capabilities that need it (Q20)."""
    with time_machine.travel(NOON, tick=False):
        answer = Client().generic("POST", "/.well-known/agents/api/session")

    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    body = json.loads(answer.content)
    assert body["ok"] is True
    data = body["data"]
    assert set(data) == {"session_token", "expires_at", "capabilities"}
    assert re.fullmatch(r"tok_[A-Za-z0-9_-]{43}", data["session_token"])
    assert data["expires_at"] == "2026-03-01T12:30:00Z"
    gated = [entry.name for entry in registry.all() if entry.requires_session]
    assert data["capabilities"] == gated
    assert "note.keep" in gated
    assert "note.free" not in gated


@pytest.mark.requirement("AJ-069", "AJ-073")
def test_the_end_that_is_told_is_the_end(visitor: Visitor) -> None:
    """Not a moment earlier, not one later."""
    with time_machine.travel(NOON + timedelta(microseconds=1), tick=False) as clock:
        data = told(visitor.post("/session"), 201)
        visitor.token = data["session_token"]
        assert data["expires_at"] == "2026-03-01T12:30:01Z"

        clock.move_to(NOON + timedelta(seconds=1800.999999))
        assert visitor.post("/note").status_code == 200
        clock.move_to(NOON + timedelta(seconds=1801))
        assert visitor.post("/note").status_code == 401


@pytest.mark.requirement("AJ-068")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"Content_Type": None},
        {"raw": b"{}"},
        {"raw": b'{"agent_name": null}'},
        {"raw": b'{"agent_name": "Bot"}'},
        {"raw": b'{"agent_name": "Bot", "agent_version": "1.0.0", "purpose": "A gift", "mood": 1}'},
    ],
)
def test_what_an_agent_may_send(visitor: Visitor, options: dict[str, Any]) -> None:
    answer = visitor.ask("POST", "/session", **options)

    assert told(answer, 201)["session_token"]


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (b"[]", "object"),
        (b"{", "JSON"),
        (b'{"agent_name": 1}', "agent_name"),
        (b'{"agent_version": ["1"]}', "agent_version"),
        (b'{"purpose": {"a": 1}}', "purpose"),
        (b'{"purpose": true}', "purpose"),
        (b'{"purpose": "pay with 4242 4242 4242 4242"}', "purpose"),
    ],
)
def test_what_is_wrong_is_named_and_opens_nothing(visitor: Visitor, raw: bytes, named: str) -> None:
    answer = visitor.post("/session", raw=raw)

    assert answer.status_code == 400
    assert named in failed(answer)
    assert not AgentSession.objects.exists()


@pytest.mark.requirement("AJ-083")
def test_what_an_agent_says_of_itself_is_kept(visitor: Visitor) -> None:
    said = {"agent_name": "Bot\r\nSet-Cookie: a=b", "agent_version": "1.0.0", "purpose": "Gift " * 400}
    answer = visitor.post("/session", said)

    row = AgentSession.objects.get()
    assert told(answer, 201)
    assert row.agent_name == "Bot Set-Cookie: a=b"
    assert row.agent_version == "1.0.0"
    assert row.purpose == ("Gift " * 400)[:499]
    assert b"Bot" not in answer.content


@pytest.mark.requirement("AJ-071", "AJ-072")
@pytest.mark.parametrize(
    "headers",
    [
        {"X_Agent_Session": "{}"},
        {"X_Agent_Session": None, "Authorization": "Bearer {}"},
        {"X_Agent_Session": None, "X_Session_Token": "{}"},
        {"X_Agent_Session": " ", "Authorization": "Bearer {}", "X_Session_Token": "other"},
    ],
)
def test_the_token_travels_in_any_of_three_headers(visitor: Visitor, headers: dict[str, Any]) -> None:
    """Q10."""
    token = opened(visitor)
    sent = {name: value.format(token) if value else value for name, value in headers.items()}

    data = told(visitor.post("/note", **sent))

    assert data["owner"] == AgentSession.objects.get().owner


@pytest.mark.requirement("AJ-071", "AJ-076")
def test_every_token_that_is_none_gets_one_answer(visitor: Visitor) -> None:
    """Section 4.2: missing, unknown, ended, expired and revoked ones, to use and to end, are not told
    apart; and no token comes back."""
    ended, revoked, expired = (opened(visitor) for _ in range(3))
    assert told(visitor.ask("DELETE", "/session", X_Agent_Session=ended))
    sessions.revoke(sessions.by_token(revoked))  # type: ignore[arg-type]
    live = sessions.by_token(expired)
    assert live is not None
    AgentSession.objects.filter(pk=live.pk).update(expires_at=NOON)

    answers = [
        (token, visitor.ask(method, path, X_Agent_Session=token))
        for token in (None, "", UNKNOWN, "x", ended, revoked, expired)
        for method, path in (("POST", "/note"), ("DELETE", "/session"))
    ]

    for token, answer in answers:
        assert answer.status_code == 401
        assert failed(answer)
        assert not token or token.encode() not in answer.content or len(token) < 9
    assert len({answer.content for _, answer in answers}) == 1
    varying = ("Request-Id", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    others = {
        json.dumps({name: value for name, value in answer.headers.items() if name not in varying})
        for _, answer in answers
    }
    assert len(others) == 1


@pytest.mark.requirement("AJ-074", "AJ-075")
def test_an_agent_ends_its_session(visitor: Visitor) -> None:
    """Q15: on the address that creates; afterwards the token is none."""
    visitor.token = opened(visitor)

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=5), tick=False):
        now = datetime.now(UTC)
        data = told(visitor.ask("DELETE", "/session"))
        again = visitor.ask("DELETE", "/session")
        used = visitor.post("/note")

    assert data == {
        "session_token": visitor.token,
        "ended_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "ended": True,
    }
    assert (again.status_code, used.status_code) == (401, 401)
    row = AgentSession.objects.get()
    assert (row.ended_at, row.ended_because) == (now, "agent")


@pytest.mark.requirement("AJ-075")
@pytest.mark.parametrize("options", [{"raw": b"{}"}, {"Content_Type": None}, {"body": {"reason": "done"}}])
def test_an_end_needs_no_body_and_heeds_none(visitor: Visitor, options: dict[str, Any]) -> None:
    visitor.token = opened(visitor)

    assert told(visitor.ask("DELETE", "/session", **options))["ended"] is True


def test_an_end_with_a_broken_body_ends_nothing(visitor: Visitor) -> None:
    visitor.token = opened(visitor)

    answer = visitor.ask("DELETE", "/session", raw=b"{")

    assert answer.status_code == 400
    assert failed(answer)
    assert told(visitor.post("/note"))


@pytest.mark.requirement("AJ-069", "AJ-074")
def test_with_an_audit_trail_both_answers_say_so(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "enabled", lambda: True)

    data = told(visitor.post("/session"), 201)
    visitor.token = data["session_token"]
    ended = told(visitor.ask("DELETE", "/session"))

    assert data["audit"] is True
    assert ended["audit_artifact_url"] == f"/.well-known/agents/api/audit/{visitor.token}"


@pytest.mark.requirement("AJ-078")
def test_sessions_are_apart(visitor: Visitor) -> None:
    first, second = opened(visitor), opened(visitor)
    assert first != second

    owners = [told(visitor.post("/note", X_Agent_Session=token))["owner"] for token in (first, second)]
    assert len(set(owners)) == 2
    told(visitor.ask("DELETE", "/session", X_Agent_Session=first))

    assert told(visitor.post("/note", X_Agent_Session=second))["owner"] == owners[1]


@pytest.mark.requirement("AJ-082")
def test_a_stale_token_is_no_refusal_where_none_is_needed(visitor: Visitor) -> None:
    for token in (None, UNKNOWN, " "):
        assert told(visitor.post("/note/free", X_Agent_Session=token)) == {"owner": None}
        assert visitor.get("/search?q=mug", X_Agent_Session=token).status_code == 200
        assert visitor.post("/note", X_Agent_Session=token).status_code == 401
    token = opened(visitor)
    known = told(visitor.post("/note/free", X_Agent_Session=token))["owner"]
    assert known == AgentSession.objects.get().owner


@pytest.mark.requirement("AJ-079", "AJ-063", "AJ-064")
def test_too_many_sessions_are_refused_with_the_wait(visitor: Visitor) -> None:
    """AJ-063, AJ-064, Q19; ending one frees its place, and so does waiting as told."""
    with configured(MAX_SESSIONS=2), time_machine.travel(NOON, tick=False) as clock:
        first = opened(visitor)
        clock.shift(10)
        opened(visitor)

        refused = visitor.post("/session")
        assert refused.status_code == 429
        assert "session" in failed(refused)
        assert refused.headers["Retry-After"] == "1790"
        assert told(Visitor(address="203.0.113.9").post("/session"), 201)

        told(visitor.ask("DELETE", "/session", X_Agent_Session=first))
        opened(visitor)
        refused = visitor.post("/session")
        clock.shift(int(refused.headers["Retry-After"]))
        opened(visitor)


@pytest.mark.requirement("AJ-066")
def test_opening_sessions_has_a_limit_of_its_own(visitor: Visitor) -> None:
    """AJ-066; ending them does not count for it."""
    with configured(INTERACTION_RATES={"session": 3}):
        tokens = [opened(visitor) for _ in range(3)]
        refused = visitor.post("/session")
        ends = [visitor.ask("DELETE", "/session", X_Agent_Session=token).status_code for token in tokens]

    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert ends == [200, 200, 200]


def test_a_key_gives_nobody_the_token_of_another(visitor: Visitor) -> None:
    """AJ-078: two agents behind one address may choose the same Idempotency-Key."""
    first = opened(visitor, Idempotency_Key="1")
    second = opened(visitor, Idempotency_Key="1")

    assert first != second
    assert not IdempotentRequest.objects.exists()


@pytest.mark.requirement("AJ-080")
def test_a_bound_session_works_from_where_it_was_opened(visitor: Visitor) -> None:
    token = opened(visitor)
    stranger = Visitor(token, address="203.0.113.9")

    assert stranger.post("/note").status_code == 200
    with configured(SESSION_BOUND_TO_ADDRESS=True):
        assert stranger.post("/note").status_code == 401
        assert stranger.ask("DELETE", "/session").status_code == 401
        assert visitor.post("/note", X_Agent_Session=token).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH"])
def test_other_methods_are_refused_in_the_envelope(visitor: Visitor, method: str) -> None:
    answer = visitor.ask(method, "/session")

    assert answer.status_code == 405
    assert {"POST", "DELETE"} <= set(answer.headers["Allow"].split(", "))
    assert method == "HEAD" or failed(answer)


@pytest.mark.parametrize("path", ["/session/", "/session/x", "/sessions"])
def test_there_is_one_address(visitor: Visitor, path: str) -> None:
    assert visitor.post(path).status_code == 404


def test_pages_of_other_origins_may_ask(visitor: Visitor) -> None:
    asked = visitor.ask("OPTIONS", "/session", Origin="https://agent.example")

    assert asked.status_code == 204
    assert "DELETE" in asked.headers["Access-Control-Allow-Methods"]
    assert "X-Agent-Session" in asked.headers["Access-Control-Allow-Headers"]


def test_the_address_follows_the_base(visitor: Visitor) -> None:
    with configured(INTERACTION_BASE="/shop/robots"):
        other = Visitor(base="/shop/robots")
        other.token = opened(other)
        assert told(other.ask("DELETE", "/session"))["ended"] is True


def test_no_token_is_in_a_log_or_a_row(visitor: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    """Section 4.1."""
    caplog.set_level(logging.DEBUG)
    visitor.token = opened(visitor)
    visitor.post("/note", Idempotency_Key="k1")
    visitor.ask("DELETE", "/session")
    visitor.ask("DELETE", "/session")

    secret = visitor.token.removeprefix("tok_")[6:]
    assert secret not in caplog.text
    rows = [*AgentSession.objects.values(), *IdempotentRequest.objects.values()]
    assert len(rows) == 2
    assert secret not in str(rows)
    assert idempotency.purge() == 0


@pytest.mark.requirement("AJ-081")
def test_after_a_security_event_every_agent_starts_anew(visitor: Visitor) -> None:
    """AJ-114: the 401 is cured by a new session."""
    tokens = [opened(visitor) for _ in range(3)]

    assert sessions.revoke_all() == 3

    for token in tokens:
        assert visitor.post("/note", X_Agent_Session=token).status_code == 401
    visitor.token = opened(visitor)
    assert told(visitor.post("/note"))
