"""Two OpenAPI documents in one project: ours, and the merchant's (decision 11)."""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.fixture
def ours(shelves: None) -> dict:
    return Client().get("/shop/api/agents-docs/schema/", headers={"Accept": "application/json"}).json()


def his() -> dict:
    return Client().get("/shop/api/schema/?format=json").json()


def test_our_document_names_our_routes_where_they_are(ours: dict) -> None:
    """Nothing of his SPECTACULAR_SETTINGS shows through."""
    assert ours["info"]["title"] == "Agentic checkout gateway"
    assert "/shop/api/agents/acp/checkout_sessions" in ours["paths"]
    assert "/.well-known/acp.json" in ours["paths"]
    assert not any("products" in path for path in ours["paths"])
    assert [server["url"] for server in ours["servers"]] == ["/"]


def test_his_document_is_as_it_was(ours: dict) -> None:
    """No route of ours is in it, also after ours was written."""
    document = his()

    assert document["info"] == {"title": "Kaffee Kontor", "version": "7 (v1)"}
    assert set(document["paths"]) == {"/shop/api/open-products/", "/shop/api/products/", "/shop/api/schema/"}
    assert document["servers"] == [{"url": "https://elsewhere.example"}]


def test_the_docs_page_reads_the_document_beside_it(shelves: None) -> None:
    page = Client().get("/shop/api/agents-docs/docs/")

    assert page.status_code == 200
    assert "swagger" in page.text.lower()
