"""An agent that knows only the shop's address, and hands a link to its user."""

from __future__ import annotations

from typing import Any

import httpx

BASE = "/.well-known/agents/api"


class Visitor:
    """One visit of the Interaction API at the shop at `url`."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=90, trust_env=False)
        told = self.post("/session", {"agent_name": "Test agent", "purpose": "A mug for the office"})
        self.http.headers["X-Agent-Session"] = told["session_token"]

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What the envelope holds; asserts that it went well."""
        answered = self.http.post(BASE + path, json=body).json()
        assert answered["ok"], answered
        data: dict[str, Any] = answered["data"]
        return data

    def put(self, item: str, quantity: int = 1) -> None:
        self.post("/cart/add", {"item_id": item, "quantity": quantity})

    def handed_over(self, *items: str) -> str:
        """The link for the buyer, with one of each item in the cart."""
        for item in items:
            self.put(item)
        link: str = self.post("/checkout", {})["handoff_url"]
        return link

    def handoff(self) -> dict[str, Any]:
        """How the purchase stands, as the agent sees it in its cart."""
        answered = self.http.get(f"{BASE}/cart").json()
        assert answered["ok"], answered
        told: dict[str, Any] = answered["data"]["checkout"]
        return told
