"""An agent with an identity, as the tests of parked calls play it: who signed is said, and believed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.test import Client

from gateway import authentication, identities
from gateway.identities import Identity
from gateway.models import Agent
from gateway.pending_models import PendingRequest
from tests.agents import BASE, MINIMAL, VERSION, paying

ISSUER = "https://agents.example"
SAYS = "X-Played-Agent"


class Believing:
    """`gateway.authentication.Signatures` that verifies nothing: the signing itself is tested elsewhere."""

    def identify(self, request: HttpRequest, *, cap: int) -> Identity:
        name = request.META["HTTP_X_PLAYED_AGENT"]
        agent, _ = Agent.objects.get_or_create(
            issuer=ISSUER, identity=f"aauth:{name}@agents.example", defaults={"name": name}
        )
        told = request.META.get("HTTP_AAUTH_CAPABILITIES", "")
        identity = Identity(
            agent,
            ISSUER,
            agent.identity,
            thumbprint=name,
            capabilities=frozenset(filter(None, (entry.strip() for entry in told.split(",")))),
        )
        identities.remember(request, identity)
        return identity


def believe() -> None:
    authentication.plug(Believing())


class NamedAgent:
    """Calls of ACP and the pending URL by an agent that can bring its person."""

    def __init__(self, name: str = "shopper", capabilities: Iterable[str] = ("interaction",)) -> None:
        self.name, self.capabilities = name, tuple(capabilities)
        self.http = Client(raise_request_exception=False)

    @property
    def owner(self) -> str:
        return f"aauth:{ISSUER}|aauth:{self.name}@agents.example"

    def headers(self, **more: str | None) -> dict[str, str]:
        given: dict[str, str | None] = {
            "API-Version": VERSION,
            "Signature-Input": "sig=played",
            SAYS: self.name,
            "AAuth-Capabilities": ", ".join(self.capabilities) or None,
            **more,
        }
        return {name: value for name, value in given.items() if value is not None}

    def send(self, method: str, url: str, body: Any = None, **headers: str | None) -> HttpResponse:
        content = b"" if body is None else json.dumps(body).encode()
        parts = urlsplit(url)
        return self.http.generic(
            method, parts.path, content, content_type="application/json", headers=self.headers(**headers)
        )

    def acp(self, path: str, body: Any, key: str = "") -> HttpResponse:
        return self.send("POST", BASE + path, body, **{"Idempotency-Key": key or uuid.uuid4().hex})

    def create(self, *items: str, key: str = "", **members: Any) -> HttpResponse:
        lines = [{"id": item} for item in items or ("item_mug",)]
        return self.acp("/checkout_sessions", {**MINIMAL, "line_items": lines, **members}, key)

    def update(self, session_id: str, body: dict[str, Any], key: str = "") -> HttpResponse:
        return self.acp(f"/checkout_sessions/{session_id}", body, key)

    def complete(self, session_id: str, body: dict[str, Any] | None = None, key: str = "") -> HttpResponse:
        return self.acp(f"/checkout_sessions/{session_id}/complete", body or paying(), key)

    def retrieve(self, session_id: str) -> dict[str, Any]:
        response = self.send("GET", f"{BASE}/checkout_sessions/{session_id}")
        assert response.status_code == 200, response.content
        found: dict[str, Any] = response.json()
        return found

    def poll(self, parked: HttpResponse, **headers: str | None) -> HttpResponse:
        return self.send("GET", parked.headers["Location"], **headers)

    def withdraw(self, parked: HttpResponse) -> HttpResponse:
        return self.send("DELETE", parked.headers["Location"])


def row() -> PendingRequest:
    """The only parked call."""
    return PendingRequest.objects.get()


def problem(response: HttpResponse) -> tuple[int, str]:
    """Status and error of an answer that is no success."""
    assert response.headers["Content-Type"] == "application/problem+json"
    assert "AAuth-Requirement" not in response.headers or response.status_code == 401
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, response.json()["error"]
