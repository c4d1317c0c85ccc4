"""Requests for a host that is not ours, answered in the language of the protocols."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from gateway.interaction_api import cors, manifest, mounting, refusals, registry
from gateway.interaction_api.views import JSON

PROTOCOL_PATHS = ("/agentic/", "/.well-known/", "/healthz", "/readyz")
DOCUMENTS = (manifest.JSON_PATH, manifest.TEXT_PATH, manifest.FALLBACK_PATH)
TEXT = "The Host header names a host that is not served here."


class UnknownHost:
    """Below the protocol paths a wrong `Host` is a flat JSON error instead of an HTML page; below the base
    of the Interaction API, and where its documents are, it is in its envelope.

    The first middleware, because any other may ask for the host. The name sent is not echoed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        enveloped = mounting.covers(path) or (registry.is_on() and path in DOCUMENTS)
        if enveloped or path.startswith(PROTOCOL_PATHS):
            try:
                request.get_host()
            except DisallowedHost:
                return _in_envelope(request) if enveloped else _flat()
        return self.get_response(request)


def _flat() -> JsonResponse:
    error = {"type": "invalid_request", "code": "invalid_host", "message": TEXT}
    refused = JsonResponse(error, status=400, headers={"Cache-Control": "no-store"})
    refused["Content-Length"] = str(len(refused.content))
    return refused


def _in_envelope(request: HttpRequest) -> JsonResponse:
    headers = {"Cache-Control": "no-store", **cors.headers(request)}
    refused = JsonResponse(refusals.failure(TEXT), status=400, headers=headers, content_type=JSON)
    # Django would log it with its path, and an audit trail's is a token.
    refused._has_been_logged = True  # type: ignore[attr-defined]  # the mark of its log_response
    refused["Content-Length"] = str(len(refused.content))
    return refused
