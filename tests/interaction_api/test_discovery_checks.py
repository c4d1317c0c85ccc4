"""System checks of what agents find (AJ-017, AJ-019, AJ-030)."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.test import override_settings

from gateway.interaction_api import manifest, registry
from gateway.interaction_api.capabilities import Call, Capability, Seal


def found(**changed: Any) -> dict[str, str]:
    """Our checks under changed settings: id and message."""
    with override_settings(AGENTIC_GATEWAY={**settings.AGENTIC_GATEWAY, **changed}):
        return {str(entry.id): entry.msg for entry in run_checks() if str(entry.id).startswith("agentic.")}


FLOW = {"name": "a", "steps": ["search"]}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"AGENT_SESSION_SECONDS": 60},
        {"AGENT_SESSION_SECONDS": 86_400},
        {"MAX_SESSIONS": 1, "MAX_SESSIONS_TOTAL": 1},
        {"ENDPOINT_STYLE": "absolute"},
        {"RATE_LIMIT_FIELD": "requests_per_minute"},
        {"SESSION_BOUND_TO_ADDRESS": True},
        {"DOCS_URL": "https://shop.example/docs"},
        {"FLOWS": [FLOW, {**FLOW, "name": "b", "description": "Words."}]},
        {"SITE_DESCRIPTION": "Mugs", "SITE_CONTACT": "a@shop.example"},
        {"INTERACTION_API": False, "AGENT_SESSION_SECONDS": 1},
    ],
)
def test_what_means_something_is_clean(changed: dict[str, Any]) -> None:
    assert found(**changed) == {}


@pytest.mark.requirement("AJ-017")
@pytest.mark.parametrize(
    ("key", "value", "id"),
    [
        ("AGENT_SESSION_SECONDS", 59, "agentic.E150"),
        ("AGENT_SESSION_SECONDS", 86_401, "agentic.E150"),
        ("AGENT_SESSION_SECONDS", "1800", "agentic.E150"),
        ("AGENT_SESSION_SECONDS", 1800.0, "agentic.E150"),
        ("MAX_SESSIONS", 0, "agentic.E151"),
        ("MAX_SESSIONS", True, "agentic.E151"),
        ("MAX_SESSIONS_TOTAL", -1, "agentic.E151"),
        ("AGENT_SESSION_KEEP_DAYS", 0, "agentic.E151"),
        ("SITE_DESCRIPTION", None, "agentic.E152"),
        ("MERCHANT_NAME", " \n", "agentic.E152"),
        ("DOCS_URL", "shop.example/docs", "agentic.E153"),
        ("DOCS_URL", "https://shop.example/a b", "agentic.E153"),
        ("DOCS_URL", "https://[", "agentic.E153"),
        ("FLOWS", [{"name": "a", "steps": []}], "agentic.E154"),
        ("FLOWS", [{"name": " ", "steps": ["search"]}], "agentic.E154"),
        ("FLOWS", [{"name": "a", "steps": "search"}], "agentic.E154"),
        ("FLOWS", [{"name": "a", "steps": [1]}], "agentic.E154"),
        ("FLOWS", [{**FLOW, "speed": 1}], "agentic.E154"),
        ("FLOWS", ["purchase"], "agentic.E154"),
        ("FLOWS", FLOW, "agentic.E154"),
        ("FLOWS", [{**FLOW, "steps": ["search", "to.the.moon"]}], "agentic.W150"),
        ("ENDPOINT_STYLE", "short", "agentic.E002"),
        ("RATE_LIMIT_FIELD", "rpm", "agentic.E002"),
        ("SESSION_BOUND_TO_ADDRESS", "yes", "agentic.E002"),
    ],
)
def test_what_means_nothing_is_named(key: str, value: Any, id: str) -> None:
    messages = found(**{key: value})

    assert id in messages
    assert f"['{key}']" in messages[id]


@pytest.mark.requirement("AJ-029")
def test_documentation_is_on_https_outside_the_demo() -> None:
    plain = "http://shop.example/docs"

    assert "agentic.E153" not in found(DOCS_URL=plain)
    assert "agentic.E153" in found(DOCS_URL=plain, DEMO=False)


@pytest.mark.requirement("AJ-029")
def test_addresses_are_https_outside_the_demo() -> None:
    assert "agentic.E007" in found(DEMO=False, PUBLIC_URL="http://shop.example")


@pytest.mark.requirement("AJ-030")
def test_a_document_that_its_schema_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    made = manifest.document

    def wrong() -> dict[str, Any]:
        return {**made(), "protocol_version": "0.1.0"}

    monkeypatch.setattr(manifest, "document", wrong)

    assert "schema allows" in found()["agentic.E155"]


def test_a_capability_that_cannot_be_asked_is_an_error() -> None:
    def broken() -> bool:
        raise RuntimeError("no network")

    def nothing(call: Call, seal: Seal) -> None:
        seal(None)

    registry.register(Capability("gift.wrap", "POST", "/gift", nothing, enabled=broken))
    try:
        assert "no network" in found()["agentic.E155"]
    finally:
        registry.unregister("gift.wrap")
