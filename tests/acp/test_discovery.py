"""`/.well-known/acp.json`: requirement section R."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client, override_settings

from gateway.acp.discovery import document
from gateway.shop.catalog import ShopCatalog
from schemas import facade
from tests.agents import PlayedAgent
from tests.parts import plugged


@pytest.mark.requirement("ACP-233", "ACP-234", "ACP-235", "ACP-236", "ACP-237", "ACP-239")
def test_the_document_tells_what_is_built(shop: None, client: Client) -> None:
    """ACP-233 to ACP-239: at the root, without a key, cacheable; nothing unbuilt is announced."""
    response = client.get("/.well-known/acp.json")

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "public, max-age=3600"
    assert response.json() == {
        "protocol": {"name": "acp", "version": "2026-04-17", "supported_versions": ["2026-04-17"]},
        "api_base_url": "http://localhost:8000/agentic/acp",
        "transports": ["rest"],
        "capabilities": {
            "services": ["checkout", "delegate_payment", "carts"],
            "supported_currencies": ["usd"],
            "supported_locales": ["en", "de"],
            "extensions": [{"name": "intervention_types@2026-02-17"}],
        },
    }
    assert facade.validator("DiscoveryResponse").violations(document()) == []


@pytest.mark.requirement("ACP-241")
def test_the_base_comes_from_settings_not_from_host(shop: None, client: Client) -> None:
    """ACP-241, T86."""
    response = client.get(
        "/.well-known/acp.json", headers={"Host": "127.0.0.1", "X-Forwarded-Host": "evil.example"}
    )

    assert response.json()["api_base_url"] == "http://localhost:8000/agentic/acp"


@pytest.mark.requirement("ACP-237")
def test_it_can_be_revalidated(shop: None, client: Client) -> None:
    first = client.get("/.well-known/acp.json")

    again = client.get("/.well-known/acp.json", headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304
    assert again.content == b""


def test_what_a_shared_cache_may_keep_names_no_callers_request(shop: None, client: Client) -> None:
    """T88: the next reader of the cache must not get the first one's Request-Id."""
    asked = {"Request-Id": "req_of_somebody"}
    first = client.get("/.well-known/acp.json", headers=asked)

    again = client.get("/.well-known/acp.json", headers={**asked, "If-None-Match": first.headers["ETag"]})
    refused = client.post("/.well-known/acp.json", headers=asked)

    for answer in (first, again):
        assert "public" in answer.headers["Cache-Control"]
        assert "Request-Id" not in answer.headers
    assert (refused.headers["Cache-Control"], refused.headers["Request-Id"]) == (
        "no-store",
        "req_of_somebody",
    )


def test_it_takes_no_other_method(shop: None, client: Client) -> None:
    assert client.post("/.well-known/acp.json").status_code == 405
    assert client.head("/.well-known/acp.json").status_code == 200


@pytest.mark.requirement("ACP-025")
def test_an_agent_finds_its_way_from_the_document_alone(agent: PlayedAgent, client: Client) -> None:
    base = client.get("/.well-known/acp.json").json()["api_base_url"]

    response = agent.http.post(f"{base.removeprefix('http://localhost:8000')}/checkout_sessions")

    assert response.status_code == 401


@pytest.mark.requirement("ACP-238")
def test_it_tells_nothing_of_merchant_provider_or_agents(shop: None, client: Client) -> None:
    """ACP-238: the same for everybody, whatever is asked for, and without what a session names."""
    plain = client.get("/.well-known/acp.json")

    asked = client.get("/.well-known/acp.json?merchant_id=m_1&agent=demo")
    known = client.get("/.well-known/acp.json", headers={"Authorization": "Bearer demo-agent-key"})

    assert plain.content == asked.content == known.content
    for private in (b"merchant", b"handler", b"psp", b"sandbox", b"demo-agent", b"Demo agent"):
        assert private not in plain.content


@pytest.mark.requirement("ACP-240")
@pytest.mark.parametrize("problem", [RuntimeError, OperationalError])
def test_a_shop_that_is_down_says_when_to_come_back(
    shop: None, client: Client, problem: type[Exception]
) -> None:
    """ACP-240: 503 with Retry-After, and no cache keeps it."""

    class Down(ShopCatalog):
        def currencies(self) -> Any:
            raise problem

    with plugged(catalog=Down()):
        response = client.get("/.well-known/acp.json")

    assert response.status_code == 503
    assert response.json()["type"] == "service_unavailable"
    assert int(response.headers["Retry-After"]) >= 1
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("ACP-240")
def test_a_merchant_who_leaves_it_out_has_no_acp(client: Client) -> None:
    """ACP-240: switched off is the include left out; 404 means that there is nothing here."""
    with override_settings(ROOT_URLCONF="gateway.urls"):
        assert client.get("/.well-known/acp.json").status_code == 404
