"""Requests for a host that is not ours, answered in the language of the protocols."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponseBase, JsonResponse

PROTOCOL_PATHS = ("/agentic/", "/.well-known/", "/healthz", "/readyz")


class UnknownHost:
    """Below the protocol paths a wrong `Host` is a flat JSON error instead of an HTML page.

    The first middleware, because any other may ask for the host. The name sent is not echoed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(PROTOCOL_PATHS):
            try:
                request.get_host()
            except DisallowedHost:
                error = {
                    "type": "invalid_request",
                    "code": "invalid_host",
                    "message": "The Host header names a host that is not served here.",
                }
                refused = JsonResponse(error, status=400, headers={"Cache-Control": "no-store"})
                refused["Content-Length"] = str(len(refused.content))
                return refused
        return self.get_response(request)
