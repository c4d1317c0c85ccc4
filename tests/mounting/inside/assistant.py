"""An agent that knows the merchant's origin and its own key, and finds everything else out."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.http import HttpResponse
from django.test import Client

from tests.mounting.merchant.bank import HANDLER

ORIGIN = "https://kaffee.example"
ADDRESS = {
    "name": "Ada Käuferin",
    "line_one": "Unter den Linden 1",
    "city": "Berlin",
    "state": "BE",
    "country": "DE",
    "postal_code": "10117",
}
BUYER = {"email": "ada@kaeuferin.example"}


def paying(token: str = "tok_bank_ada") -> dict[str, Any]:
    return {
        "payment_data": {
            "handler_id": HANDLER,
            "instrument": {"type": "card", "credential": {"type": "spt", "token": token}},
        }
    }


class Assistant:
    def __init__(self, key: str) -> None:
        self.http = Client(raise_request_exception=False)
        self.key = key
        base = self.http.get("/.well-known/acp.json").json()["api_base_url"]
        assert base.startswith(ORIGIN)
        self.base = base.removeprefix(ORIGIN)

    def headers(self, **changed: str | None) -> dict[str, str]:
        given = {"Authorization": f"Bearer {self.key}", "API-Version": "2026-04-17", **changed}
        return {name: value for name, value in given.items() if value is not None}

    def get(self, path: str, **headers: str | None) -> HttpResponse:
        return self.http.get(self.base + path, headers=self.headers(**headers))

    def post(
        self, path: str, body: Any, *, key: str = "", environ: dict[str, Any] | None = None, **headers: Any
    ) -> HttpResponse:
        """Posts `body`, bytes as they are. `environ` goes into the WSGI environment."""
        sent = self.headers(**{"Idempotency-Key": key or uuid.uuid4().hex, **headers})
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.generic(
            "POST",
            self.base + path,
            raw,
            content_type=sent.pop("Content-Type", "application/json"),
            headers=sent,
            **environ or {},
        )

    def create(self, *items: tuple[str, int], **members: Any) -> dict[str, Any]:
        """A new session with these products and quantities."""
        response = self.post("/checkout_sessions", order(*items, **members))
        assert response.status_code == 201, response.content
        return response.json()

    def ready(self, *items: tuple[str, int], **members: Any) -> dict[str, Any]:
        """A new session that can be paid."""
        session = self.create(*items, buyer=BUYER, fulfillment_details={"address": ADDRESS}, **members)
        assert session["status"] == "ready_for_payment", session["messages"]
        return session

    def complete(self, session: dict[str, Any], token: str = "tok_bank_ada", **options: Any) -> HttpResponse:
        return self.post(f"/checkout_sessions/{session['id']}/complete", paying(token), **options)


def order(*items: tuple[str, int], **members: Any) -> dict[str, Any]:
    """The body that opens a session."""
    lines = [{"id": number, "quantity": pieces} for number, pieces in items or (("BOHNEN-500", 1),)]
    return {"line_items": lines, "currency": "eur", "capabilities": {}, **members}


def totals(session: dict[str, Any]) -> dict[str, int]:
    return {entry["type"]: entry["amount"] for entry in session["totals"]}
