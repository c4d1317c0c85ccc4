"""Agents find the merchant by his address alone (AJ-001, AJ-010, AJ-028, AJ-068)."""

from __future__ import annotations

import json

from django.conf import settings
from django.template import engines
from django.test import Client, override_settings

from tests.mounting.inside.assistant import ORIGIN

LINK = '</.well-known/agents.json>; rel="agents"'
BASE = "/.well-known/agents/api"


def test_the_documents_are_at_the_root(shelves: None) -> None:
    """Whatever his middleware asks of people, and whatever his REST_FRAMEWORK says."""
    for address in ("/.well-known/agents.json", "/agents.json"):
        answer = Client().get(address, headers={"Accept": "text/html"})
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert answer.json()["site"] == {"name": "Kaffee Kontor", "url": ORIGIN}
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    text = Client().get("/.well-known/agents.txt")
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert f"\nURL: {ORIGIN}\n" in text.text
    assert "\nRate-Limit: 60\n" in text.text, "no separator of thousands, no German"


def test_an_agent_opens_and_ends_a_session(shelves: None) -> None:
    """With his ATOMIC_REQUESTS, his login wall and his throttles."""
    opened = Client(enforce_csrf_checks=True).generic("POST", f"{BASE}/session")
    assert opened.status_code == 201
    data = json.loads(opened.content)["data"]
    assert data["expires_at"].endswith("Z")

    token = data["session_token"]
    answers = [
        Client(enforce_csrf_checks=True).generic(
            "DELETE", f"{BASE}/session", headers={"X-Agent-Session": token}
        )
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [200, 401]
    assert json.loads(answers[0].content)["data"]["ended"] is True


def test_no_page_of_the_merchants_is_open_to_other_origins(shelves: None) -> None:
    """AJ-059: CORS is for these paths."""
    for address in ("/shop/nothing", "/admin/login/", "/agents", "/.well-known/else.json"):
        assert "Access-Control-Allow-Origin" not in Client().get(address).headers


def test_his_pages_link_to_the_document_when_he_wants(shelves: None) -> None:
    assert "Link" not in Client().get("/admin/login/").headers

    more = [*settings.MIDDLEWARE, "gateway.interaction_api.linking.AgentsLinkMiddleware"]
    with override_settings(MIDDLEWARE=more):
        assert Client().get("/admin/login/").headers["Link"] == LINK
        assert Client().get("/shop/nothing").headers["Link"] == LINK


def test_his_templates_link_to_the_document_when_he_wants(shelves: None) -> None:
    template = engines["django"].from_string("{% load agentic_agents %}{% agents_link %}")

    assert template.render() == '<link rel="agents" type="application/json" href="/.well-known/agents.json">'
