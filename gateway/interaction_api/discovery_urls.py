"""Where the documents are. While the API is switched off these addresses are the merchant's own."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern
from django.urls.resolvers import RoutePattern

from gateway.interaction_api import manifest, registry
from gateway.interaction_api.discovery import AgentsJSON, AgentsText


class WhileOn(RoutePattern):
    """Matches nothing while the API is switched off; read when a request comes."""

    def match(self, path: str) -> Any:
        return super().match(path) if registry.is_on() else None


def _at(address: str, view: Any, name: str) -> URLPattern:
    return URLPattern(WhileOn(address.lstrip("/"), name=name, is_endpoint=True), view.as_view(), name=name)


urlpatterns = [
    _at(manifest.TEXT_PATH, AgentsText, "agentic_agents_txt"),
    _at(manifest.JSON_PATH, AgentsJSON, "agentic_agents_json"),
    _at(manifest.FALLBACK_PATH, AgentsJSON, "agentic_agents_json_fallback"),
]
