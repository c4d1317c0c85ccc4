"""A lost answer, asked for again: the optional Idempotency-Key (decision 24)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.contact_models import ContactMessage
from gateway.interaction_api import audit, sessions
from gateway.interaction_api.capabilities import Call, Capability, Param, Seal
from gateway.interaction_api.refusals import Refused
from gateway.models import IdempotentRequest
from gateway.session_models import AgentSession
from tests.crowd import at_once
from tests.visitors import Visitor, configured, failed, offering, told, visit

KEYED = {"Idempotency-Key": "k1"}


def count(call: Call, seal: Seal) -> None:
    """One more row each time that it is really done."""
    from django.db import transaction

    with transaction.atomic(durable=True):
        if call.params.get("fail"):
            raise Refused("Not now.")
        ContactMessage.objects.create(name="x", email="", message="")
        seal({"rows": ContactMessage.objects.count(), "owner": call.session.pk if call.session else None})


@pytest.fixture(autouse=True)
def offered() -> Iterator[None]:
    params = {"fail": Param("boolean"), "a": Param("integer")}
    kinds = [
        Capability(f"count.{method.lower()}", method, "/count", count, params=params)
        for method in ("POST", "PUT", "PATCH", "DELETE")
    ]
    gated = Capability("count.own", "POST", "/own", count, params=params, requires_session=True, status=201)
    with offering(*kinds, gated):
        yield


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_repeat_is_answered_and_not_done_again(visitor: Visitor, method: str) -> None:
    first = visitor.ask(method, "/count", {"a": 1}, **KEYED)
    again = visitor.ask(method, "/count", {"a": 1}, **KEYED)
    fresh = visitor.ask(method, "/count", {"a": 1}, **{"Idempotency-Key": "k2"})

    assert told(first) == told(again) == {"rows": 1, "owner": None}
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert told(fresh)["rows"] == 2


def test_without_a_key_everything_is_done(visitor: Visitor) -> None:
    assert told(visitor.post("/count", {"a": 1}))["rows"] == 1
    assert told(visitor.post("/count", {"a": 1}))["rows"] == 2
    assert not IdempotentRequest.objects.exists()


def test_another_body_is_another_request(visitor: Visitor) -> None:
    """Which needs another key. The order and the spelling of members make no other body."""
    told(visitor.post("/count", raw=b'{"a": 1, "b": 2}', **KEYED))

    assert told(visitor.post("/count", raw=b'{"b":2,"a":1}', **KEYED))["rows"] == 1
    other = visitor.post("/count", {"a": 2}, **KEYED)
    assert other.status_code == 400
    assert "Idempotency-Key" in failed(other)
    assert ContactMessage.objects.count() == 1


def test_a_key_belongs_to_its_visit(shop: None) -> None:
    """Another visit with the same key is answered its own; without one, the address is who asks."""
    (first, one), (second, two) = visit(), visit()
    heard = [
        told(Visitor(one).post("/own", **KEYED), 201),
        told(Visitor(two).post("/own", **KEYED), 201),
        told(Visitor(one, address="203.0.113.9").post("/own", **KEYED), 201),
        told(Visitor().post("/count", **KEYED)),
        told(Visitor(address="203.0.113.9").post("/count", **KEYED)),
    ]

    assert [data["rows"] for data in heard] == [1, 2, 1, 3, 4]
    assert [data["owner"] for data in heard[:3]] == [first.pk, second.pk, first.pk]


def test_what_was_refused_may_be_asked_again(visitor: Visitor) -> None:
    """Nothing was done, so that nothing is kept."""
    refused = visitor.post("/count", {"fail": True}, **KEYED)

    assert refused.status_code == 400
    assert not IdempotentRequest.objects.exists()
    assert told(visitor.post("/count", {"fail": False}, **KEYED))["rows"] == 1


@pytest.mark.parametrize("key", ["", " ", "a,b", "k\u00fc", "x" * 256, "4242424242424242"])
def test_a_key_that_is_none_is_refused(visitor: Visitor, key: str) -> None:
    answer = visitor.post("/count", **{"Idempotency-Key": key})

    assert answer.status_code == 400
    assert not ContactMessage.objects.exists()
    assert key.strip() == "" or key not in failed(answer)


def test_a_token_is_no_key(shop: None) -> None:
    _, token = visit()

    answer = Visitor(token).post("/own", **{"Idempotency-Key": token})

    assert answer.status_code == 400
    assert token not in failed(answer)
    assert not IdempotentRequest.objects.exists()


def test_reading_needs_no_key_and_keeps_none(visitor: Visitor) -> None:
    assert visitor.get("/search?q=mug", **KEYED).status_code == 200
    assert visitor.get("/search?q=blue", **KEYED).status_code == 200
    assert not IdempotentRequest.objects.exists()


def test_a_repeat_is_in_the_trail_too(shop: None, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[dict[str, Any]] = []
    monkeypatch.setattr(audit, "record", lambda session, **event: events.append(event))
    _, token = visit()

    for _ in range(2):
        told(Visitor(token).post("/own", {"a": 1}, **KEYED), 201)

    assert [(event["capability"], event["method"], event["status"]) for event in events] == [
        ("count.own", "POST", 201)
    ] * 2


def test_a_crowd_with_one_key_is_one(shop: None) -> None:
    """Whoever is not first is answered what the first was, or told to come back."""
    _, token = visit()
    with configured(INTERACTION_RATE=1000):
        heard = at_once(6, lambda _: Visitor(token).post("/own", {"a": 1}, **KEYED))

    assert ContactMessage.objects.count() == 1
    assert {answer.status_code for answer in heard} <= {201, 409, 503}
    done = [told(answer, 201) for answer in heard if answer.status_code == 201]
    assert done
    assert all(data == done[0] for data in done)


@pytest.mark.requirement("AJ-045")
def test_a_visit_that_ends_meanwhile_changes_nothing(shop: None) -> None:
    """The session was there when the call began, and is not when its effects are written."""
    session, token = visit()

    def slow(call: Call, seal: Seal) -> None:
        from django.db import transaction

        with transaction.atomic(durable=True):
            ContactMessage.objects.create(name="x", email="", message="")
            AgentSession.objects.filter(pk=session.pk).update(ended_at=session.created_at)
            seal({})

    assert sessions.by_token(token) is not None
    with offering(Capability("slow", "POST", "/slow", slow, requires_session=True)):
        answer = Visitor(token).post("/slow", **KEYED)

    assert answer.status_code == 401
    assert failed(answer)
    assert not ContactMessage.objects.exists()
    assert not IdempotentRequest.objects.exists()
