"""What is measured, and what it has to reach beside B1 (the table of the design)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.agents import ADDRESS, BASE, BUYER, VERSION, paying

AGENT_KEY = "demo-agent-key"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `path` below the base; `{session}` is a session that can be paid."""

    name: str
    method: str
    path: str
    body: dict[str, Any] | None
    status: int
    least_throughput: float
    """Requests each second, as a share of B1's."""
    most_cpu: float
    """CPU time of the server for each request, as a multiple of B1's."""
    most_statements: int
    uses_up: bool = False
    """Each request needs a session of its own."""

    def __str__(self) -> str:
        return self.name

    @property
    def raw(self) -> bytes:
        return b"" if self.body is None else json.dumps(self.body).encode()

    def real_path(self) -> str:
        return BASE + self.path

    def baseline_path(self, baseline: str) -> str:
        return f"/{baseline}/{self.name}/" + ("{session}" if "{session}" in self.path else "none")

    def headers(self) -> dict[str, str]:
        """The same for the route and the baselines; the Idempotency-Key is the sender's to add."""
        sent = {"Authorization": f"Bearer {AGENT_KEY}", "API-Version": VERSION}
        return sent | ({"Content-Type": "application/json"} if self.body is not None else {})


ONE_SESSION = "/checkout_sessions/{session}"

DETAILS = {"name": "Ada Lovelace", "email": "ada@example.com", "address": ADDRESS}

ROUTES = {
    route.name: route
    for route in (
        Route("get", "GET", ONE_SESSION, None, 200, 0.8, 1.25, 2),
        Route(
            "create",
            "POST",
            "/checkout_sessions",
            {
                "line_items": [{"id": "item_mug", "quantity": 1}],
                "currency": "usd",
                "capabilities": {},
                "buyer": BUYER,
                "fulfillment_details": DETAILS,
            },
            201,
            0.65,
            1.5,
            8,
        ),
        Route(
            "update",
            "POST",
            ONE_SESSION,
            {
                "fulfillment_details": DETAILS,
                "selected_fulfillment_options": [
                    {"type": "shipping", "option_id": "ship_express", "item_ids": ["item_mug"]}
                ],
            },
            200,
            0.65,
            1.5,
            9,
        ),
        Route("complete", "POST", ONE_SESSION + "/complete", paying(), 200, 0.5, 2.0, 20, uses_up=True),
    )
}
