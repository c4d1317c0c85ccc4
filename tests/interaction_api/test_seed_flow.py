"""The specification's own example of a whole interaction, as it is written there, in one sitting."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client

BASE = "/.well-known/agents/api"


def ask(method: str, path: str, body: Any = None, token: str = "") -> HttpResponse:
    """As the example writes it: no header that it does not name."""
    headers = {"X-Agent-Session": token} if token else {}
    content = json.dumps(body).encode() if body is not None else b""
    return Client().generic(method, path, content, content_type="application/json", headers=headers)


def data(answer: HttpResponse, status: int) -> Any:
    assert answer.status_code == status, answer.content
    body = json.loads(answer.content)
    assert body["ok"] is True
    assert "error" not in body
    return body["data"]


@pytest.mark.requirement("AJ-010", "AJ-031", "AJ-041", "AJ-044", "AJ-046", "AJ-068", "AJ-069", "AJ-084")
def test_the_full_interaction_flow(shop: None) -> None:
    # 1. Discover capabilities
    document = json.loads(ask("GET", "/.well-known/agents.json").content)
    assert {"schema_version", "site", "capabilities"} <= set(document)

    # 2. Search (no session needed)
    found = data(ask("GET", f"{BASE}/search?q=blue+mugs"), 200)
    assert set(found) >= {"results", "total", "page"}
    assert found["page"] == 1
    assert "prod_9f8e7d" in [entry["id"] for entry in found["results"]]

    # 3. Get product detail
    item = data(ask("GET", f"{BASE}/detail?id=prod_9f8e7d"), 200)
    assert (item["id"], item["name"], item["price"]) == ("prod_9f8e7d", "Ocean Blue Mug", 28.00)

    # 4. Create a session for cart operations
    session = data(ask("POST", f"{BASE}/session"), 201)
    assert set(session) >= {"session_token", "expires_at", "capabilities"}
    assert session["capabilities"] == ["cart.add", "cart.view", "cart.update", "cart.remove", "checkout"]
    token = session["session_token"]

    # 5. Add to cart
    added = data(ask("POST", f"{BASE}/cart", {"item_id": "prod_9f8e7d", "quantity": 2}, token), 201)
    assert len(added["cart"]["items"]) == 1
    assert added["cart"]["total"] == 56.00

    # 6. Checkout (human handoff)
    handed = data(ask("POST", f"{BASE}/checkout", None, token), 200)
    assert set(handed) >= {"handoff_url", "expires_at", "message"}

    # 7. Agent passes handoff_url to the human
    page = Client().get(urlsplit(handed["handoff_url"]).path)
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
