"""A merchant's pages point to what agents can do here, if he wants (AJ-028).

MIDDLEWARE = [..., "gateway.interaction_api.linking.AgentsLinkMiddleware"]
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from gateway.interaction_api import manifest, registry

LINK = f'<{manifest.JSON_PATH}>; rel="agents"'


class AgentsLinkMiddleware(MiddlewareMixin):
    """Every answer has `Link: </.well-known/agents.json>; rel="agents"`, beside links of its own."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if registry.is_on():
            others = response.headers.get("Link")
            if LINK not in (others or ""):
                response.headers["Link"] = f"{others}, {LINK}" if others else LINK
        return response
