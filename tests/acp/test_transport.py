"""Headers, keys, versions, methods and bad input: requirement section A, reliability-security H."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command

from checkout.models import CheckoutSession
from gateway.models import Agent
from tests.agents import MINIMAL, PlayedAgent


@pytest.mark.requirement("ACP-003", "ACP-017", "ACP-101")
@pytest.mark.parametrize(
    "header", [None, "Bearer wrong", "Bearer ", "Basic ZGVtbw==", "demo-agent-key", "Bearer " + "x" * 5000]
)
def test_without_a_valid_key_it_is_401(agent: PlayedAgent, header: str | None) -> None:
    """ACP-003: on GET and POST, before anything else is looked at (ACP-101)."""
    for response in (
        agent.get("/checkout_sessions/cs_1", Authorization=header, **{"API-Version": None}),
        agent.post("/checkout_sessions", raw=b"{", Authorization=header),
    ):
        assert response.status_code == 401
        assert response.json() == {
            "type": "invalid_request",
            "code": "unauthorized",
            "message": "A valid key is needed: send it as 'Authorization: Bearer <key>'.",
        }
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_key_stops_at_once(agent: PlayedAgent) -> None:
    """T09: also the keys of a deactivated agent."""
    assert agent.post("/checkout_sessions", MINIMAL).status_code == 201

    call_command("agentic_agent", "revoke", "Demo agent")

    assert agent.post("/checkout_sessions", MINIMAL).status_code == 401


def test_an_inactive_agent_is_refused(agent: PlayedAgent) -> None:
    Agent.objects.filter(name="Demo agent").update(active=False)

    assert agent.post("/checkout_sessions", MINIMAL).status_code == 401


def test_a_rotated_key_and_its_overlap(agent: PlayedAgent, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("agentic_agent", "rotate", "Demo agent", "--keep-hours", "1")
    new = PlayedAgent(capsys.readouterr().out.strip().splitlines()[-1])

    assert agent.post("/checkout_sessions", MINIMAL).status_code == 201
    assert new.post("/checkout_sessions", MINIMAL).status_code == 201
    call_command("agentic_agent", "rotate", "Demo agent")
    assert new.post("/checkout_sessions", MINIMAL).status_code == 401


def test_a_cookie_is_no_credential(agent: PlayedAgent, admin_client: Any) -> None:
    """T06."""
    agent.http.cookies = admin_client.cookies

    assert agent.post("/checkout_sessions", MINIMAL, Authorization=None).status_code == 401


@pytest.mark.requirement("ACP-007", "ACP-008", "ACP-009", "ACP-010")
@pytest.mark.parametrize(
    ("version", "code"),
    [
        (None, "missing_api_version"),
        ("2020-01-01", "unsupported_api_version"),
        ("latest", "unsupported_api_version"),
    ],
)
def test_the_version_is_checked_on_every_call(agent: PlayedAgent, version: str | None, code: str) -> None:
    """ACP-007 to ACP-010, GET included; the error lists what is served."""
    for response in (
        agent.get("/checkout_sessions/cs_1", **{"API-Version": version}),
        agent.post("/checkout_sessions", MINIMAL, **{"API-Version": version}),
    ):
        assert response.status_code == 400
        assert response.json()["code"] == code
        assert response.json()["supported_versions"] == ["2026-04-17"]


@pytest.mark.requirement("ACP-012", "ACP-013", "ACP-023")
def test_request_id_and_key_are_echoed_also_on_errors(agent: PlayedAgent) -> None:
    """ACP-012, ACP-013, ACP-023."""
    good = agent.post("/checkout_sessions", MINIMAL, key="k1", **{"Request-Id": "req-1"})
    bad = agent.post("/checkout_sessions", {}, key="k2", **{"Request-Id": "req-2"})
    read = agent.get("/checkout_sessions/cs_1", **{"Request-Id": "req-3"})

    assert (good.headers["Request-Id"], good.headers["Idempotency-Key"]) == ("req-1", "k1")
    assert (bad.status_code, bad.headers["Request-Id"], bad.headers["Idempotency-Key"]) == (
        400,
        "req-2",
        "k2",
    )
    assert read.headers["Request-Id"] == "req-3"
    assert "Idempotency-Key" not in read.headers
    assert {good.headers["Cache-Control"], bad.headers["Cache-Control"], read.headers["Cache-Control"]} == {
        "no-store"
    }


@pytest.mark.requirement("ACP-001")
@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "invalid_request"),
        (b"{", "invalid_json"),
        (b"[]", "invalid_json"),
        (b'"x"', "invalid_json"),
        (b'{"currency":"usd","currency":"eur"}', "invalid_json"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "invalid_json"),
        (b'{"a":NaN}', "invalid_json"),
        (b'{"a":1e400}', "invalid_json"),
        (b'{"a":' + b"9" * 4000 + b"}", "invalid_json"),
        (b'{"a":"\\u0000"}', "invalid_json"),
        (b'{"a":"\\ud800"}', "invalid_json"),
        (b'\xff\xfe{"a":1}', "invalid_json"),
        (b'\xef\xbb\xbf{"a":1}', "invalid_json"),
    ],
)
def test_a_body_that_is_not_plain_json(agent: PlayedAgent, raw: bytes, code: str) -> None:
    """T73 to T79: 400 in ACP's words, nothing stored, nothing echoed."""
    response = agent.post("/checkout_sessions", raw=raw)

    assert response.status_code == 400
    assert response.json()["type"] == "invalid_request"
    assert not CheckoutSession.objects.exists()


def test_too_large_a_body(agent: PlayedAgent) -> None:
    """T72."""
    response = agent.post("/checkout_sessions", raw=b'{"a":"' + b"x" * 300_000 + b'"}')

    assert response.status_code in (400, 413)
    assert response.json()["type"] == "invalid_request"


@pytest.mark.requirement("ACP-006")
@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "x"]
)
def test_another_content_type(agent: PlayedAgent, kind: str) -> None:
    """ACP-006, T78, T79."""
    response = agent.post("/checkout_sessions", MINIMAL, **{"Content-Type": kind})

    assert response.status_code == 415
    assert response.json()["type"] == "invalid_request"


@pytest.mark.requirement("ACP-019", "ACP-027", "ACP-028")
@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "$.capabilities"),
        ({**MINIMAL, "line_items": []}, "$.line_items"),
        ({**MINIMAL, "line_items": [{"id": 5}]}, "$.line_items[0].id"),
        ({**MINIMAL, "line_items": [{"id": "item_mug", "quantity": 0}]}, "$.line_items[0].quantity"),
        ({**MINIMAL, "line_items": [{"id": "item_mug", "quantity": 1.5}]}, "$.line_items[0].quantity"),
        ({**MINIMAL, "buyer": {"email": "not an address"}}, "$.buyer.email"),
        ({**MINIMAL, "items": [{"id": "item_mug"}]}, "$.items"),
        ({**MINIMAL, "order_notes": "x" * 5001}, "$.order_notes"),
    ],
)
def test_a_body_the_schema_refuses_names_the_member(
    agent: PlayedAgent, body: dict[str, Any], param: str
) -> None:
    """ACP-019, ACP-028, C-04: JSONPath of the member; the value is never in the answer."""
    response = agent.post("/checkout_sessions", body)

    assert response.status_code == 400
    assert response.json()["param"] == param
    assert "not an address" not in response.content.decode()


@pytest.mark.parametrize("quantity", [10_001, 10**9])
def test_absurd_quantities(agent: PlayedAgent, quantity: int) -> None:
    """T62."""
    response = agent.post(
        "/checkout_sessions", {**MINIMAL, "line_items": [{"id": "item_mug", "quantity": quantity}]}
    )

    assert response.status_code == 400
    assert response.json()["param"].startswith("$.line_items[0]")


@pytest.mark.requirement("ACP-022")
def test_card_data_is_refused_before_anything_is_stored(agent: PlayedAgent) -> None:
    """Decision 26: by member name and by number; the value is not echoed."""
    session = agent.ready()
    for path, body in (
        ("/checkout_sessions", {**MINIMAL, "order_notes": "card 4242 4242 4242 4242"}),
        (
            f"/checkout_sessions/{session['id']}/complete",
            {
                "payment_data": {
                    "instrument": {"type": "card", "card_number": "4242424242424242", "cvc": "123"}
                }
            },
        ),
    ):
        response = agent.post(path, body)

        assert response.status_code == 400
        assert response.json()["code"] == "raw_card_data_not_accepted"
        assert "4242" not in response.content.decode()


@pytest.mark.requirement("ACP-017", "ACP-025")
@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/checkout_sessions/", "/checkout_sessions/cs_1/pay", "/../admin"]
)
def test_unknown_paths_answer_in_the_dialect(agent: PlayedAgent, path: str) -> None:
    """Decision 11: JSON below our prefix, whatever the method."""
    for response in (agent.get(path), agent.post(path, {})):
        assert response.status_code == 404
        assert response.json()["code"] == "not_found"
        assert response.headers["Content-Type"] == "application/json"


def test_a_path_below_the_mount_but_outside_a_protocol(agent: PlayedAgent) -> None:
    response = agent.http.get("/agentic/nothing/here")

    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.requirement("ACP-025")
@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_other_methods(agent: PlayedAgent, method: str) -> None:
    """405 with Allow, as JSON."""
    response = getattr(agent.http, method)("/agentic/acp/checkout_sessions", headers=agent.headers())

    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    assert response.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path", ["/checkout_sessions/%00", "/checkout_sessions/%ff%fe", "/checkout_sessions/" + "x" * 3000]
)
def test_hostile_paths(agent: PlayedAgent, path: str) -> None:
    """T77."""
    response = agent.get(path)

    assert response.status_code in (400, 404)
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.requirement("ACP-021", "ACP-023")
def test_a_database_that_is_down_is_503(agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """reliability-security 4.3: with Retry-After, in the dialect."""
    from django.db import OperationalError

    from gateway import agents

    def down(_: str) -> None:
        raise OperationalError("host=10.0.0.5 refused")

    monkeypatch.setattr(agents, "by_key", down)

    response = agent.post("/checkout_sessions", MINIMAL)

    assert response.status_code == 503
    assert response.json()["type"] == "service_unavailable"
    assert "10.0.0.5" not in response.content.decode()
    assert int(response.headers["Retry-After"]) >= 1
