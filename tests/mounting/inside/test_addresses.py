"""Under a prefix of the merchant's choice: every link carries it, every path below it is ours."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from checkout.models import Order
from tests.mounting.inside.assistant import ORIGIN, Assistant

PREFIX = "/shop/api/agents"


def test_the_document_at_the_root_names_the_prefixed_base(shelves: None) -> None:
    """ACP-233, decision 1: one include at the origin root, the other anywhere."""
    document = Client().get("/.well-known/acp.json").json()

    assert document["api_base_url"] == f"{ORIGIN}{PREFIX}/acp"
    assert document["capabilities"]["supported_currencies"] == ["eur"]


def test_every_link_is_the_merchants_origin_and_prefix(assistant: Assistant) -> None:
    """T86: from settings, never from the Host of the request; and each of ours can be opened."""
    paid = assistant.complete(assistant.ready()).json()

    ours = [link for link in re.findall(r"https?://[^\"\\ ]+", json.dumps(paid)) if "agents/bank" not in link]
    permalink = paid["order"]["permalink_url"]
    page = Client().get(permalink.removeprefix(ORIGIN))
    assert permalink == f"{ORIGIN}{PREFIX}/orders/{paid['order']['id']}"
    assert all(link.startswith(f"{ORIGIN}{PREFIX}/") for link in ours)
    assert page.status_code == 200
    assert "Kaffee Kontor" in page.text
    assert "Kaffeebohnen" in page.text
    assert "/assets/agentic/person.css" in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/acp",
        "/acp/",
        "/acp/checkout_sessions/",
        "/acp/checkout_sessions/x/y/z",
        "/nothing/here",
        "/orders",
        "/line%0Aend",
        "/line%0Aend/more",
        "/%C3%A4",
    ],
)
def test_unknown_paths_below_the_prefix_answer_in_the_dialect(
    assistant: Assistant, operator: Client, path: str
) -> None:
    """Decision 11: no HTML of the merchant's, and no redirect by APPEND_SLASH."""
    for client in (assistant.http, operator):
        for method in ("GET", "POST"):
            response = client.generic(method, PREFIX + path, headers={"Accept": "text/html"})

            assert response.status_code == 404
            assert response.headers["Content-Type"] == "application/json"
            assert set(response.json()) == {"type", "code", "message"}


@pytest.mark.parametrize("path", ["/shop/api/nothing", "/shop/nothing", "/nothing", "/.well-known/else.json"])
def test_unknown_paths_elsewhere_are_the_merchants(shelves: None, path: str) -> None:
    response = Client().get(path)

    assert response.status_code == 404
    assert "Diese Seite gibt es nicht." in response.text


def test_health_is_below_the_prefix(shelves: None) -> None:
    """Decision 5. Nobody delivers here yet, and readiness says so."""
    healthy = Client().get(f"{PREFIX}/healthz")
    ready = Client().get(f"{PREFIX}/readyz")

    assert healthy.status_code == 200
    assert ready.status_code == 503
    parts = ready.json()["parts"]
    assert {name for name, verdict in parts.items() if verdict != "ok"} == {"relay"}


def test_the_order_page_speaks_one_language(assistant: Assistant) -> None:
    """The buyer's, from first to last: neither the merchant's German nor the browser's in the middle."""
    paid = assistant.complete(assistant.ready()).json()
    Order.objects.update(created_at="2026-03-09T23:30:00Z")

    page = Client().get(f"{PREFIX}/orders/{paid['order']['id']}", headers={"Accept-Language": "de"})

    assert '<html lang="en">' in page.text
    assert "10 March 2026, 00:30 CET" in page.text
    assert page.headers["Content-Language"] == "en"


def test_times_on_the_wire_are_utc(assistant: Assistant) -> None:
    """The merchant's Europe/Berlin is for his pages."""
    session = assistant.create()

    times = re.findall(r"\d{4}-\d\d-\d\dT[0-9:.]+([^\"]*)", json.dumps(session))

    assert times
    assert set(times) <= {"Z"}
