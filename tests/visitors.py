"""An agent that knows nothing but the address, as the tests play it: over HTTP, through Django's client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.test import Client, override_settings
from django.utils import timezone

from gateway import keys
from gateway.interaction_api import registry
from gateway.interaction_api.capabilities import Capability
from gateway.session_models import AgentSession

BASE = "/.well-known/agents/api"


class Visitor:
    """Sends what a well-behaved agent sends; every part can be replaced or left out (None)."""

    def __init__(self, token: str = "", address: str = "198.51.100.7", base: str = BASE) -> None:
        self.token, self.address, self.base = token, address, base
        self.http = Client(raise_request_exception=False)

    def ask(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str | None
    ) -> HttpResponse:
        """`path` with its query, below the base. `raw` goes out as it is instead of `body`."""
        given: dict[str, str | None] = {"X-Agent-Session": self.token or None, **headers}
        sent = {name.replace("_", "-"): value for name, value in given.items() if value is not None}
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        return self.http.generic(
            method,
            self.base + path,
            content,
            content_type=sent.pop("Content-Type", "application/json"),
            headers=sent,
            REMOTE_ADDR=self.address,
        )

    def get(self, path: str, **headers: str | None) -> HttpResponse:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **options: Any) -> HttpResponse:
        return self.ask("POST", path, body, **options)


def visit(**columns: Any) -> tuple[AgentSession, str]:
    """A session that lives for half an hour, and its token."""
    token = f"tok_{AgentSession.objects.count():0>40}"
    ends = {"expires_at": timezone.now() + timedelta(minutes=30), **columns}
    session = AgentSession.objects.create(digest=keys.digest(token.encode(), "agent-session"), **ends)
    return session, token


def failed(answer: HttpResponse) -> str:
    """The error of an answer in the envelope, which it must be (AJ-041, AJ-043)."""
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8", answer.headers
    body = json.loads(answer.content)
    assert set(body) == {"ok", "error"}
    assert body["ok"] is False
    assert isinstance(body["error"], str)
    assert body["error"]
    return body["error"]


def told(answer: HttpResponse, status: int = 200) -> Any:
    """The data of a successful answer in the envelope."""
    assert answer.status_code == status, (answer.status_code, answer.content)
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8", answer.headers
    body = json.loads(answer.content)
    assert set(body) == {"ok", "data"}
    assert body["ok"] is True
    return body["data"]


def configured(**keys: Any) -> Any:
    """These members of AGENTIC_GATEWAY, for a while."""
    return override_settings(AGENTIC_GATEWAY={**settings.AGENTIC_GATEWAY, **keys})


@contextmanager
def offering(*entries: Capability) -> Iterator[None]:
    """Capabilities of the merchant's own, for a while."""
    for entry in entries:
        registry.register(entry)
    try:
        yield
    finally:
        for entry in entries:
            registry.unregister(entry.name)
