"""Every refusal at every endpoint: its status, its form and its headers (requirements 0.2 and A)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from checkout.errors import ProviderUnavailable
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Attempt, Outcome
from gateway.models import IdempotentRequest
from tests.agents import MINIMAL, PlayedAgent, paying
from tests.parts import plugged

UNKNOWN = f"cs_{'0' * 32}"
OTHER = {"order_notes": "another body"}

Ask = Callable[..., HttpResponse]

WRITES = ("create", "update", "complete", "cancel")


class Silent(SandboxProvider):
    def authorize(self, attempt: Attempt) -> Outcome:
        raise ProviderUnavailable


def asking(agent: PlayedAgent, verb: str, session_id: str) -> Ask:
    """Sends a good request of this kind, changed as the caller says."""
    path = f"/checkout_sessions/{session_id}"
    if verb == "retrieve":
        return lambda **changed: agent.get(path, **{"Request-Id": "req-1", **changed})
    place, body = {
        "create": ("/checkout_sessions", MINIMAL),
        "update": (path, {}),
        "complete": (f"{path}/complete", paying()),
        "cancel": (f"{path}/cancel", {}),
    }[verb]

    def ask(*, key: str | None = "key-1", sent: Any = None, raw: bytes | None = None, **changed: Any):
        given = body if sent is None else sent
        return agent.post(place, given, key=key, raw=raw, **{"Request-Id": "req-1", **changed})

    return ask


def judge(response: HttpResponse, status: int, code: str, *, key: str | None) -> None:
    """The refusal is this one, flat, of a known type, and with the headers that belong to it."""
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code)
    kind = {500: "processing_error", 503: "service_unavailable"}.get(status, "invalid_request")
    assert body["type"] == kind
    assert body["message"].strip()
    assert set(body) <= {"type", "code", "message", "param", "supported_versions"}
    assert all(body[name] is not None for name in body)
    assert ("supported_versions" in body) == code.endswith("_api_version")
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Request-Id"] == "req-1"
    assert response.headers.get("Idempotency-Key") == key
    assert ("Retry-After" in response.headers) == (status in (409, 503))
    assert response.headers.get("Allow") == ("GET" if status == 405 else None)


FORMS = ("ACP-0.2", "ACP-012", "ACP-013", "ACP-017", "ACP-018", "ACP-021", "ACP-023")


@pytest.mark.requirement(*FORMS, "ACP-003", "ACP-007")
@pytest.mark.parametrize("verb", ["retrieve", *WRITES])
def test_at_the_door(agent: PlayedAgent, verb: str) -> None:
    """401 and 400 for a version are the same everywhere, and come before anything is looked up."""
    ask = asking(agent, verb, UNKNOWN)
    key = None if verb == "retrieve" else "key-1"

    judge(ask(Authorization=None), 401, "unauthorized", key=key)
    judge(ask(**{"API-Version": None}), 400, "missing_api_version", key=key)
    judge(ask(**{"API-Version": "1999-01-01"}), 400, "unsupported_api_version", key=key)


@pytest.mark.requirement(*FORMS, "ACP-084", "ACP-101")
@pytest.mark.parametrize("verb", WRITES)
def test_a_write_without_a_key_or_a_body_that_can_be_read(agent: PlayedAgent, verb: str) -> None:
    """ACP-101: the version, then the key, then the body; a wrong one is never hidden by a later."""
    ask = asking(agent, verb, agent.create()["id"])

    judge(ask(key=None, raw=b"{", **{"API-Version": None}), 400, "missing_api_version", key=None)
    judge(ask(key=None, raw=b"{"), 400, "idempotency_key_required", key=None)
    judge(ask(raw=b"{"), 400, "invalid_json", key="key-1")
    wrong = b'{"intent_trace":1}' if verb == "cancel" else b'{"surprise":1}'
    judge(ask(raw=wrong), 400, "invalid", key="key-1")
    judge(ask(**{"Content-Type": "text/plain"}), 415, "unsupported_media_type", key="key-1")


@pytest.mark.requirement(*FORMS, "ACP-005", "ACP-031")
@pytest.mark.parametrize("verb", ["retrieve", "update", "complete", "cancel"])
def test_an_unknown_session(agent: PlayedAgent, verb: str) -> None:
    key = None if verb == "retrieve" else "key-1"

    judge(asking(agent, verb, UNKNOWN)(), 404, "not_found", key=key)


@pytest.mark.requirement(*FORMS, "ACP-093", "ACP-094")
@pytest.mark.parametrize("verb", WRITES)
def test_a_key_that_is_taken(agent: PlayedAgent, verb: str) -> None:
    """ACP-093, ACP-094: another body is 422; the same one while it runs is 409."""
    ask = asking(agent, verb, agent.ready()["id"])
    other = {"intent_trace": {"reason_code": "other"}} if verb == "cancel" else {**_body(verb), **OTHER}
    assert ask().status_code in (200, 201)

    judge(ask(sent=other), 422, "idempotency_conflict", key="key-1")
    IdempotentRequest.objects.filter(key="key-1").update(
        state="in_flight", lease_until=timezone.now() + timedelta(hours=1)
    )
    judge(ask(), 409, "idempotency_in_flight", key="key-1")


@pytest.mark.requirement(*FORMS, "ACP-040", "ACP-042")
@pytest.mark.parametrize("verb", ["update", "complete", "cancel"])
def test_a_session_that_is_over(agent: PlayedAgent, verb: str) -> None:
    """ACP-040, ACP-042: canceled or completed, with `Allow`."""
    canceled, completed = agent.ready(), agent.ready()
    agent.cancel(canceled)
    agent.complete(completed)

    for session in (canceled, completed):
        judge(asking(agent, verb, session["id"])(), 405, "session_not_modifiable", key="key-1")


@pytest.mark.requirement(*FORMS, "ACP-043")
def test_a_payment_that_is_not_known_yet(agent: PlayedAgent) -> None:
    """ACP-043: 503 for whoever pays, 409 for whoever changes meanwhile."""
    session = agent.ready()
    pay, change, cancel = (asking(agent, verb, session["id"]) for verb in ("complete", "update", "cancel"))

    with plugged(payments=Silent()):
        judge(pay(), 503, "payment_provider_unavailable", key="key-1")
        judge(pay(key="key-2"), 409, "conflict", key="key-2")
        judge(change(), 409, "conflict", key="key-1")
        judge(cancel(), 409, "conflict", key="key-1")


@pytest.mark.requirement(*FORMS)
@pytest.mark.parametrize("verb", ["retrieve", *WRITES])
def test_a_defect_of_ours(agent: PlayedAgent, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """ACP-021: 500 is `processing_error`; there is nothing to wait for."""
    from gateway.acp import wire

    ask = asking(agent, verb, agent.ready()["id"])
    monkeypatch.setattr(wire, "checkout_session", _break)

    judge(ask(), 500, "internal_error", key=None if verb == "retrieve" else "key-1")


@pytest.mark.requirement("ACP-0.2", "ACP-025")
def test_successes(agent: PlayedAgent) -> None:
    """ACP-025: 201 for what is new and 200 for the rest, below one base."""
    session, other = agent.ready(), agent.ready()

    statuses = {
        verb: asking(agent, verb, (other if verb == "cancel" else session)["id"])().status_code
        for verb in ("create", "retrieve", "update", "complete", "cancel")
    }

    assert statuses == {"create": 201, "retrieve": 200, "update": 200, "complete": 200, "cancel": 200}


@pytest.mark.requirement("ACP-015")
@pytest.mark.parametrize("verb", ["create", "retrieve", "update", "complete", "cancel"])
def test_optional_headers_are_welcome(agent: PlayedAgent, verb: str) -> None:
    """ACP-015: also in words that nobody here understands."""
    ask = asking(agent, verb, agent.ready()["id"])

    response = ask(**{"User-Agent": "Agent/1.0 (test)", "Accept-Language": "tlh, x-unknown;q=0.9, *;q=0"})

    assert response.status_code in (200, 201)
    assert response.headers["Request-Id"] == "req-1"


@pytest.mark.requirement("ACP-097")
@pytest.mark.parametrize("verb", ["create", "update", "cancel"])
def test_a_key_and_its_change_are_kept_together(
    agent: PlayedAgent, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ACP-097: what cannot be remembered did not happen, and the retry does it once."""
    from checkout.models import CheckoutSession, StateMove
    from gateway import idempotency

    before = agent.ready()
    ask = asking(agent, verb, before["id"])
    rows, moves = CheckoutSession.objects.count(), StateMove.objects.count()

    with monkeypatch.context() as broken:
        broken.setattr(idempotency, "keep", _break)
        assert ask().status_code == 500
    assert (CheckoutSession.objects.count(), StateMove.objects.count()) == (rows, moves)
    assert agent.retrieve(before) == before

    assert ask().status_code in (200, 201)
    assert ask().headers["Idempotent-Replayed"] == "true"
    assert CheckoutSession.objects.count() == rows + (verb == "create")


def _body(verb: str) -> dict[str, Any]:
    return {"create": MINIMAL, "update": {}, "complete": paying()}[verb]


def _break(*_: Any, **__: Any) -> Any:
    raise MemoryError
