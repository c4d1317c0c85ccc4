"""An agent over real HTTP, with the verbs of the played one."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx

from tests.agents import ADDRESS, BASE, PlayedAgent

REDIRECT = {
    "interventions": {"supported": ["redirect"], "redirect_context": "external_browser", "max_redirects": 1}
}
"""Declared by an agent that can open a page in its user's browser."""

WEBVIEW = {"interventions": {"supported": ["webview"], "display_context": "webview"}}
"""Declared by an agent that can show a page inside its own."""


class RemoteAgent(PlayedAgent):
    """Sends to the server at `url`. A buyer may be given with `create`; the default is a new one
    each time, because a merchant limits how often it writes to one address."""

    def __init__(self, url: str, key: str = "demo-agent-key") -> None:
        self.key = key
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=90, trust_env=False)  # type: ignore[assignment]

    def get(self, path: str, **headers: str | None) -> Any:
        return self.http.get(BASE + path, headers=self.headers(**headers))

    def post(
        self, path: str, body: Any = None, *, key: str | None = "", raw: bytes | None = None, **headers: Any
    ) -> Any:
        fresh = uuid.uuid4().hex if key == "" else key
        sent = self.headers(**{"Idempotency-Key": fresh, "Content-Type": "application/json", **headers})
        content = raw if raw is not None else (json.dumps(body).encode() if body is not None else b"")
        return self.http.post(BASE + path, content=content, headers=sent)  # type: ignore[arg-type]

    def create(self, *items: str | dict[str, Any], **members: Any) -> dict[str, Any]:
        buyer = {"full_name": "Ada Lovelace", "email": f"ada-{uuid.uuid4().hex[:8]}@example.com"}
        details = {"address": ADDRESS}
        return super().create(*items, **{"buyer": buyer, "fulfillment_details": details, **members})

    def sent_away(self, item: str = "item_tablet", **members: Any) -> dict[str, Any]:
        """A new session whose buyer is asked to confirm at a page that is not the merchant's."""
        session = self.create(item, **{"capabilities": REDIRECT, **members})
        assert session["status"] == "authentication_required", session["messages"]
        return session
