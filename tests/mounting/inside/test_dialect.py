"""Refusals reach the agent in the protocol's words, not in the merchant's (ACP-017 to ACP-021)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import agents
from tests.mounting.inside.assistant import Assistant, order


def refused(response: Any) -> tuple[int, str]:
    """Status and code of a flat Error that is JSON."""
    assert response.headers["Content-Type"] == "application/json"
    body = response.json()
    assert set(body) <= {"type", "code", "message", "param", "supported_versions"}
    return response.status_code, body["code"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "missing_body"),
        (b"{", "invalid_json"),
        (b'{"a":1,"a":2}', "invalid_json"),
        (b'{"line_items":[]}', "invalid"),
        (b'{"currency":"eur","capabilities":{},"line_items":[{"id":"NIEMALS"}]}', "invalid_item_id"),
    ],
)
def test_a_bad_body_is_400(assistant: Assistant, body: bytes, code: str) -> None:
    assert refused(assistant.post("/checkout_sessions", body)) == (400, code)


def test_headers_that_are_missing_are_named(assistant: Assistant) -> None:
    """ACP-007, ACP-085, ACP-004."""
    assert refused(assistant.get("/checkout_sessions/x", **{"API-Version": None})) == (
        400,
        "missing_api_version",
    )
    assert refused(assistant.post("/checkout_sessions", order(), **{"Idempotency-Key": None})) == (
        400,
        "idempotency_key_required",
    )
    for given in (None, "Bearer nobody", "Basic YTpi"):
        response = assistant.get("/checkout_sessions/x", Authorization=given)

        assert refused(response) == (401, "unauthorized")
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_foreign_session_is_an_unknown_one(assistant: Assistant) -> None:
    """Decision 8: byte for byte."""
    session = assistant.create()
    stranger = Assistant(agents.enrol("Stranger")[1])

    foreign = stranger.get(f"/checkout_sessions/{session['id']}")
    unknown = stranger.get(f"/checkout_sessions/cs_{'0' * 32}")

    assert refused(foreign) == (404, "not_found")
    assert foreign.content == unknown.content


def test_methods_and_finished_sessions_are_405(assistant: Assistant) -> None:
    """Decision 25; OPTIONS too, which Django REST framework would answer by itself."""
    session = assistant.ready()
    assistant.complete(session)

    again = assistant.complete(session)
    put = assistant.http.put(f"{assistant.base}/checkout_sessions", headers=assistant.headers())
    options = assistant.http.options(f"{assistant.base}/checkout_sessions", headers=assistant.headers())

    assert refused(again) == (405, "session_not_modifiable")
    assert refused(put) == (405, "method_not_allowed")
    assert refused(options) == (405, "method_not_allowed")
    assert put.headers["Allow"] == "POST"


def test_a_session_that_is_being_paid_is_409(assistant: Assistant) -> None:
    """Decision 25."""
    from checkout.errors import ProviderUnavailable
    from checkout.ports import Attempt, Outcome
    from tests.mounting.merchant.bank import Bank
    from tests.parts import plugged

    class Silent(Bank):
        def authorize(self, attempt: Attempt) -> Outcome:
            raise ProviderUnavailable

        def retrieve(self, attempt: Attempt) -> Any:
            raise ProviderUnavailable

    session = assistant.ready()
    with plugged(payments=Silent()):
        unanswered = assistant.complete(session)
        meanwhile = assistant.complete(session)

    assert unanswered.status_code == 503
    assert refused(meanwhile) == (409, "conflict")
    assert meanwhile.headers["Retry-After"]


def test_another_type_of_body_is_415_and_another_body_is_422(assistant: Assistant) -> None:
    """ACP-006, decision 24."""
    form = assistant.post(
        "/checkout_sessions", b"a=1", **{"Content-Type": "application/x-www-form-urlencoded"}
    )
    assistant.post("/checkout_sessions", order(), key="k")
    changed = assistant.post("/checkout_sessions", order(("MUEHLE-1", 1)), key="k")

    assert refused(form)[0] == 415
    assert refused(changed) == (422, "idempotency_conflict")
