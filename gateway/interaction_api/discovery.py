"""What an agent finds that knows nothing but the address (AJ-001 to AJ-030)."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from rest_framework.request import Request

from gateway.api import ProtocolView
from gateway.errors import UnknownPath
from gateway.interaction_api import cors, manifest, refusals
from gateway.interaction_api.views import JSON

TEXT = "text/plain; charset=utf-8"
SCHEMA = "AgentsDocument"
SCHEMA_VERSION = "agents_json"
FRESH_SECONDS = 300
PRECONDITION_FAILED = 412


class DiscoveryView(ProtocolView):
    """Public, cacheable and the same for everybody, whatever the Host header says; counted for no limit
    of the API. Not there while agents can do nothing."""

    dialect = refusals
    for_agents = False  # agents.json describes itself, by its schema
    schema = None
    schema_version = SCHEMA_VERSION
    http_method_names = ("get", "head", "options")

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return HttpResponse(status=204)

    def document(self) -> tuple[dict[str, Any], bytes]:
        """agents.json, as data and as it is sent."""
        told = manifest.document()
        if not told["capabilities"]:
            raise UnknownPath
        return told, self.answer(SCHEMA, told)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """A shared cache gives the answer to others, so it names no request of the first."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.headers["Cache-Control"].startswith("public"):
            response.headers.pop("Request-Id", None)
        for name, value in cors.headers(getattr(request, "_request", request)).items():
            response.headers[name] = value
        return response


class AgentsJSON(DiscoveryView):
    """agents.json."""

    def get(self, request: Request) -> HttpResponse:
        _, raw = self.document()
        return kept(request._request, raw, JSON)


class AgentsText(DiscoveryView):
    """agents.txt."""

    def get(self, request: Request) -> HttpResponse:
        told, _ = self.document()
        return kept(request._request, manifest.text(told).encode(), TEXT)


def kept(request: HttpRequest, raw: bytes, content_type: str) -> HttpResponse:
    """The document, or 304 for whoever has it, kept by caches for a while (AJ-027). Raises Refused for an
    If-Match that names another: no cache keeps that."""
    tag = f'"{sha256(raw).hexdigest()[:32]}"'
    fresh = HttpResponse(raw, content_type=content_type)
    response: Any = get_conditional_response(request, etag=tag, response=fresh)
    if response.status_code == PRECONDITION_FAILED:
        raise refusals.Refused(
            "The document is another than the one that was asked for.", PRECONDITION_FAILED
        )
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
    return response  # type: ignore[no-any-return]
