"""Who may do what: every route of the OpenAPI document, by everybody there is (R31), and no route
that is not in it (R33)."""

from __future__ import annotations

import json
import re
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
from tests.cards import authenticating, delegating

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
OF_A_CART = [(method, path) for method, path in CLOSED if "{cart_id}" in path]
OF_A_CARD = [(method, path) for method, path in CLOSED if "delegate_" in path]
"""What takes a card; whose is whose is in test_delegate_authentication."""
OF_ORDERS = [(method, path) for method, path in CLOSED if "{order_id}" in path]
"""Who may see an order: `tests/orders/test_orders_api.py`."""

BODIES: dict[str, Any] = {
    "/checkout_sessions": MINIMAL,
    "/carts": {"line_items": MINIMAL["line_items"]},
    "/{cart_id}": {"line_items": MINIMAL["line_items"]},
    "/{session_id}": {"order_notes": "Ring twice."},
    "/complete": paying(),
    "/cancel": {},
    "/delegate_payment": delegating(),
    "/delegate_authentication": authenticating(),
    "/authenticate": {"fingerprint_completion": "Y"},
}
UNKNOWN = "cs_" + "0" * 32
NO_CART = "cart_" + "0" * 32

UNDOCUMENTED = {
    "": "the start page, for people",
    "agentic/acp/": "the last route of ACP: answers 404 in its dialect",
    "agentic/": "the last route of all: answers 404 in ACP's dialect",
    "agentic/orders/<str:order_id>": "the order page, for people",
    "agentic/confirm/<str:ticket>": "where a person confirms",
    "agentic/confirm/<str:ticket>/code": "where a person enters a one-time code",
    "agentic/confirm/<str:ticket>/consent": "where a person decides what their agent is granted",
    "agentic/confirm/<str:ticket>/embed": "where a person answers in a frame",
    "agentic/confirm/<str:ticket>/element": "the form for a card inside that frame",
    "agentic/confirm/<str:ticket>/passkey": "where a person confirms with their device",
    "agentic/confirm/<str:ticket>/passkey/options": "what that page's script hands to the device",
    "agentic/confirm/<str:ticket>/passkey/proof": "where that script brings the device's answer",
    "agentic/confirm/<str:ticket>/passkey/status": "how it stands, for a page that only watches",
    "agentic/confirm/returned/<str:payment_id>": "where Stripe sends that person back to",
    "agentic/confirm/<str:ticket>/return": "where a provider sends that person back to",
    "agentic/checkout/<str:ticket>": "where a person finishes a purchase that was handed over",
    "agentic/checkout/<str:ticket>/contact": "how they are reached",
    "agentic/checkout/<str:ticket>/address": "where it goes",
    "agentic/checkout/<str:ticket>/delivery": "how it gets there",
    "agentic/checkout/<str:ticket>/payment": "everything once more, and how it is paid",
    ".well-known/aauth-resource.json": "what AAuth agents read of us, described in docs/aauth",
    "agentic/aauth/": "the last route of AAuth: answers 404 in its dialect",
    "agentic/aauth/pending/<str:token>": "where calls wait, named by their 202 and described in docs/aauth",
    "agentic/aauth/i/<str:slug>": "where the person of such a call arrives",
    "agentic/aauth/i/<str:slug>/ask": "where they ask their agent",
    "agentic/aauth/i/<str:slug>/standing": "how it stands, for a page that waits",
    ".well-known/aauth-person.json": "what AAuth agents read of us as a person server, in docs/aauth",
    "agentic/aauth/account": "what a person's own agent may know, described in docs/aauth",
    "agentic/aauth/jwks": "the keys behind our tokens, named by both documents",
    "agentic/aauth/revoke": "where tokens are taken back, named by both documents",
    "agentic/aauth/person/person-token": "named by aauth-person.json",
    "agentic/aauth/person/auth-token": "named by aauth-person.json",
    "agentic/aauth/person/token": "the same in older texts of AAuth",
    "agentic/aauth/person/interaction": "named by aauth-person.json",
    "agentic/aauth/person/relay/<str:token>": "what came of that, named by its 202",
    "agentic/account/": "what a person's agents want of them, once they have signed in",
    "agentic/account/news": "where the script of an open page hears of that",
    "agentic/account/requests/<str:summons_id>": "one of those requests",
    "agentic/account/agents": "whose agents they are, and what was granted to them",
    "agentic/account/agents/<str:binding>/revoke": "where their person revokes one",
    "agentic/account/agents/grants/<str:grant_id>/revoke": "where they take back what they granted",
    "agentic/account/devices": "how that person is reached",
    "agentic/account/history": "what was asked of them",
    "sign-in": "where people of the stand-alone project sign in",
    "sign-out": "where they sign out",
    "agentic/account/app": "where the merchant's server speaks to us of its app, in docs/aauth/channels.md",
    "agentic/account/push/subscribe": "where the script of a person's devices page sets up messages",
    "agentic/account/push/standing": "how it stands with a device, for that script",
    "agentic/account/push/test": "where that script asks for a message",
    "agentic/account/push/remove": "where that script stops them",
    "agentic/account/push/confirm": "where the worker on a device brings back what was sent to it",
    "agentic/account/push-worker.js": "that worker",
    "agentic/payments/webhook": "where the payment provider speaks to us, in its own form",
    "api/docs/": "the documentation, for people",
    r".well-known/agents/api/^(?P<place>[\s\S]*)": "the Interaction API, which agents.json describes",
    r".well-known/agents/api/^session\Z": "agents.json names it",
    r".well-known/agents/api/^audit/(?P<token>[^/]+)\Z": "agents.json names it",
    r".well-known/agents/api/^audit-keys\Z": "the keys behind it, described in docs/audit.md",
    ".well-known/agents.txt": "what an agent finds that knows the address alone",
    ".well-known/agents.json": "the same for programs, with a schema of its own",
    "agents.json": "the same document, where some clients look next",
}
"""Routes outside the admin that need not be in the document, and why."""


@pytest.fixture(autouse=True)
def _orders_are_retrieved(settings: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "ORDERS_API": True}


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
    content = json.dumps(body).encode() if method in ("POST", "PUT") else b""
    http = client or Client(raise_request_exception=False)
    answer = http.generic(
        method,
        re.sub(r"\{(session|cart)_id\}", session, path).replace("{authentication_id}", "das_0"),
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


@pytest.mark.requirement("ACP-005")
@pytest.mark.parametrize(("method", "path"), OF_A_CART)
def test_somebody_elses_cart_is_like_none(
    agent: PlayedAgent, other: PlayedAgent, operator: Client, method: str, path: str
) -> None:
    """R31, T01: byte for byte, and an operator's cookie beside the key changes nothing."""
    before = agent.post("/carts", BODIES["/carts"]).json()

    foreign = told(ask(method, path, before["id"], key=other.key))
    unknown = told(ask(method, path, NO_CART, key=other.key))
    with_cookie = told(ask(method, path, before["id"], key=other.key, client=operator))

    assert foreign == unknown == with_cookie
    assert foreign[0] == 404
    assert agent.get(f"/carts/{before['id']}").json() == before
    assert not IdempotentRequest.objects.filter(owner__endswith=_owner(other)).exists()
    assert ask(method, path, before["id"], key=agent.key).status_code == 200


OPENING = [route for route in CLOSED if route not in OF_ONE + OF_A_CART + OF_A_CARD + OF_ORDERS]


def test_two_routes_open_something_new() -> None:
    assert [path.rpartition("/")[2] for _, path in OPENING] == ["carts", "checkout_sessions"]


@pytest.mark.parametrize(("method", "path"), OPENING)
def test_anybody_may_open_one_of_their_own(
    agent: PlayedAgent, other: PlayedAgent, method: str, path: str
) -> None:
    """R31: the owner's cell and the other agent's of the routes without an id."""
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
        re.sub(r"<str:(session_id|cart_id|authentication_id)>", r"{\1}", pattern).replace(
            "acp/orders/<str:order_id>", "acp/orders/{order_id}"
        )
        for pattern in served(get_resolver())
        # Other people's servers, beside ours in the demo only.
        if not pattern.startswith(("sandbox-wallet/", "sandbox-bank/"))
    }

    assert found - documented == set(UNDOCUMENTED)
    assert documented <= found
