"""An agent as the tests play it: over HTTP, through Django's client."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.http import HttpResponse
from django.test import Client

BASE = "/agentic/acp"
VERSION = "2026-04-17"

ADDRESS = {
    "name": "Ada Lovelace",
    "line_one": "1 Market Street",
    "city": "San Francisco",
    "state": "CA",
    "country": "US",
    "postal_code": "94105",
}
BUYER = {"email": "ada@example.com", "full_name": "Ada Lovelace"}
MINIMAL = {"line_items": [{"id": "item_mug"}], "currency": "usd", "capabilities": {}}


def paying(
    token: str = "spt_sandbox_ok", handler: str = "sandbox_card", credential: str = "spt"
) -> dict[str, Any]:
    return {
        "payment_data": {
            "handler_id": handler,
            "instrument": {"type": "card", "credential": {"type": credential, "token": token}},
        }
    }


class PlayedAgent:
    """Sends what a well-behaved agent sends; every part can be replaced or left out (None)."""

    def __init__(self, key: str = "demo-agent-key") -> None:
        self.key = key
        self.http = Client(raise_request_exception=False)

    def headers(self, **changed: str | None) -> dict[str, str]:
        given = {"Authorization": f"Bearer {self.key}", "API-Version": VERSION, **changed}
        return {name: value for name, value in given.items() if value is not None}

    def get(self, path: str, **headers: str | None) -> HttpResponse:
        return self.http.get(BASE + path, headers=self.headers(**headers))

    def post(
        self,
        path: str,
        body: Any = None,
        *,
        key: str | None = "",
        raw: bytes | None = None,
        **headers: str | None,
    ):
        """Posts `body`. `key` is the Idempotency-Key: "" for a fresh one, None for none."""
        sent = self.headers(**{"Idempotency-Key": uuid.uuid4().hex if key == "" else key, **headers})
        content = raw if raw is not None else (json.dumps(body).encode() if body is not None else b"")
        return self.http.post(
            BASE + path, content, content_type=sent.pop("Content-Type", "application/json"), headers=sent
        )

    def create(self, *items: str | dict[str, Any], **members: Any) -> dict[str, Any]:
        """A new session with these items; asserts that it was created."""
        lines = [{"id": item} if isinstance(item, str) else item for item in items or ("item_mug",)]
        response = self.post("/checkout_sessions", {**MINIMAL, "line_items": lines, **members})
        assert response.status_code == 201, response.content
        return response.json()

    def ready(self, *items: str | dict[str, Any], **members: Any) -> dict[str, Any]:
        """A new session that can be paid."""
        session = self.create(*items, fulfillment_details={"address": ADDRESS}, **members)
        assert session["status"] == "ready_for_payment", session["messages"]
        return session

    def update(self, session: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        response = self.post(f"/checkout_sessions/{session['id']}", body)
        assert response.status_code == 200, response.content
        return response.json()

    def complete(self, session: dict[str, Any], body: dict[str, Any] | None = None, **options: Any):
        return self.post(f"/checkout_sessions/{session['id']}/complete", body or paying(), **options)

    def cancel(self, session: dict[str, Any], body: Any = None, **options: Any):
        return self.post(f"/checkout_sessions/{session['id']}/cancel", body, **options)

    def retrieve(self, session: dict[str, Any]) -> dict[str, Any]:
        response = self.get(f"/checkout_sessions/{session['id']}")
        assert response.status_code == 200, response.content
        return response.json()


def total(session: dict[str, Any], kind: str = "total") -> int | None:
    """The amount of one of the session's totals, or None when it is absent."""
    return next((entry["amount"] for entry in session["totals"] if entry["type"] == kind), None)


def codes(session: dict[str, Any]) -> list[str]:
    """The codes of the session's messages, in order."""
    return [message.get("code", message["type"]) for message in session["messages"]]
