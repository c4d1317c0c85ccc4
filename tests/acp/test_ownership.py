"""Who may do what: every route of the OpenAPI document, by everybody there is (R31), and no route
that is not in it (R33)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from gateway import agents
from gateway.models import Agent, IdempotentRequest
from tests.agents import MINIMAL, VERSION, PlayedAgent, paying

DOCUMENT = json.loads((Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text())
METHODS = ("get", "post", "put", "patch", "delete")
ROUTES = [
    (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if method in METHODS
]
CLOSED = [(method, path) for method, path, operation in ROUTES if operation.get("security")]
OPEN = [(method, path) for method, path, operation in ROUTES if not operation.get("security")]
OF_ONE = [(method, path) for method, path in CLOSED if "{session_id}" in path]

BODIES: dict[str, Any] = {
    "/checkout_sessions": MINIMAL,
    "/{session_id}": {"order_notes": "Ring twice."},
    "/complete": paying(),
    "/cancel": {},
}
UNKNOWN = "cs_" + "0" * 32

UNDOCUMENTED = {
    "": "the start page, for people",
    "agentic/acp/": "the last route of ACP: answers 404 in its dialect",
    "agentic/": "the last route of all: answers 404 in ACP's dialect",
    "agentic/orders/<str:order_id>": "the order page, for people",
    "agentic/confirm/<str:ticket>": "where a person confirms",
    "agentic/confirm/<str:ticket>/return": "where a provider sends that person back to",
    "api/docs/": "the documentation, for people",
}
"""Routes outside the admin that need not be in the document, and why."""


def ask(
    method: str, path: str, session: str, *, key: str | None, client: Client | None = None
) -> HttpResponse:
    """The request as it should be, by whoever has the key."""
    headers = {
        "API-Version": VERSION,
        "Idempotency-Key": f"key-{IdempotentRequest.objects.count()}-{session}",
    }
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    body = next((body for end, body in BODIES.items() if path.endswith(end)), None)
    content = json.dumps(body).encode() if method == "POST" else b""
    http = client or Client(raise_request_exception=False)
    answer = http.generic(
        method,
        path.replace("{session_id}", session),
        content,
        content_type="application/json",
        headers=headers,
    )
    return cast(HttpResponse, answer)


def told(answer: HttpResponse) -> tuple[int, bytes, dict[str, str]]:
    """All that an agent hears, but what he said himself."""
    said = {"Idempotency-Key", "Request-Id"}
    return answer.status_code, answer.content, {k: v for k, v in answer.items() if k not in said}


@pytest.fixture
def operator(shop: None) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("olga"))
    return client


@pytest.fixture
def revoked(shop: None) -> str:
    agent, key = agents.enrol("Former agent")
    assert agents.revoke(agent) == 1
    return key


@pytest.fixture
def inactive(shop: None) -> str:
    agent, key = agents.enrol("Sleeping agent")
    Agent.objects.filter(pk=agent.pk).update(active=False)
    return key


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_a_key_is_needed_and_a_cookie_is_none(
    agent: PlayedAgent, operator: Client, revoked: str, inactive: str, method: str, path: str
) -> None:
    """R31, T06: revoked, inactive, unknown and absent keys and the operator's cookie are all alike."""
    session = agent.ready()["id"]

    heard = [
        told(ask(method, path, session, key=revoked)),
        told(ask(method, path, session, key=inactive)),
        told(ask(method, path, session, key="agk_unknown")),
        told(ask(method, path, session, key=None)),
        told(ask(method, path, session, key=None, client=operator)),
        told(ask(method, path, UNKNOWN, key=None)),
    ]

    assert heard[0][0] == 401
    assert all(other == heard[0] for other in heard)
    assert agent.get(f"/checkout_sessions/{session}").json()["status"] == "ready_for_payment"


@pytest.mark.requirement("ACP-005")
@pytest.mark.parametrize(("method", "path"), OF_ONE)
def test_somebody_elses_session_is_like_none(
    agent: PlayedAgent, other: PlayedAgent, operator: Client, method: str, path: str
) -> None:
    """R31, T01: byte for byte, and an operator's cookie beside the key changes nothing."""
    before = agent.ready()

    foreign = told(ask(method, path, before["id"], key=other.key))
    unknown = told(ask(method, path, UNKNOWN, key=other.key))
    with_cookie = told(ask(method, path, before["id"], key=other.key, client=operator))

    assert foreign == unknown == with_cookie
    assert foreign[0] == 404
    assert agent.retrieve(before) == before
    assert not IdempotentRequest.objects.filter(owner__endswith=_owner(other)).exists()
    assert ask(method, path, before["id"], key=agent.key).status_code == 200


def test_anybody_may_open_a_session_of_their_own(agent: PlayedAgent, other: PlayedAgent) -> None:
    """R31: the owner's cell and the other agent's of the one route without an id."""
    ((method, path),) = [route for route in CLOSED if route not in OF_ONE]

    mine, theirs = (ask(method, path, "x", key=key) for key in (agent.key, other.key))

    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["id"] != theirs.json()["id"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("method", "path"), OPEN)
def test_what_is_open_is_the_same_for_everybody(
    agent: PlayedAgent, operator: Client, revoked: str, method: str, path: str
) -> None:
    """R31: no route that needs no key looks at one, or at a cookie."""
    heard = [
        ask(method, path, "", key=None),
        ask(method, path, "", key=agent.key),
        ask(method, path, "", key=revoked),
        ask(method, path, "", key=None, client=operator),
    ]

    assert {answer.status_code for answer in heard} == {200}
    assert len({answer.content for answer in heard}) == 1


def test_a_key_opens_no_page_for_people(agent: PlayedAgent) -> None:
    """T06: the admin does not look at it."""
    headers = {"Authorization": f"Bearer {agent.key}"}

    for path in ("/admin/", "/admin/agentic_checkout/order/", "/admin/agentic_gateway/agentkey/"):
        answer = Client().get(path, headers=headers)
        assert (answer.status_code, answer.headers["Location"][:13]) == (302, "/admin/login/")


def _owner(agent: PlayedAgent) -> str:
    found = agents.by_key(agent.key)
    assert found is not None
    return found.pk


# --- Routes ---------------------------------------------------------------------------------------


def served(resolver: URLResolver, before: str = "") -> Iterator[str]:
    """The pattern of every route, as it is written."""
    for entry in resolver.url_patterns:
        pattern = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield pattern
        elif entry.app_name != "admin":
            yield from served(entry, pattern)


@pytest.mark.django_db
def test_every_route_is_documented_or_listed() -> None:
    """R33: nothing is served that nobody knows of."""
    documented = {path.lstrip("/") for _, path, _ in ROUTES}

    found = {
        pattern.replace("<str:session_id>", "{session_id}")
        for pattern in served(get_resolver())
        # Somebody else's server, beside ours in the demo only.
        if not pattern.startswith("sandbox-wallet/")
    }

    assert found - documented == set(UNDOCUMENTED)
    assert documented <= found
