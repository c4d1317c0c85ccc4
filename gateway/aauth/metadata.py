"""`/.well-known/aauth-resource.json`: what agents that sign must know of us, and nothing that does not work
(AA-082, AA-415)."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from django.http import HttpResponse, HttpResponseNotModified
from django.urls import URLPattern
from django.urls.resolvers import RoutePattern
from rest_framework.request import Request

from gateway import strict_json
from gateway.aauth import problems
from gateway.aauth.signature_problem import ALGORITHMS
from gateway.api import ProtocolView, json_response
from gateway.conf import conf

PATH = ".well-known/aauth-resource.json"
NAME = "agentic_aauth_resource"
FRESH_SECONDS = 3600
COVERED = ("content-type", "content-digest")
"""What a signature covers besides what every signature does, where there is a body (AA-401)."""


class Metadata(ProtocolView):
    """Public, cacheable, the same for everybody."""

    dialect = problems
    for_agents = False
    schema = None

    def get(self, request: Request) -> HttpResponse:
        raw = strict_json.dumps(document())
        tag = f'"{sha256(raw).hexdigest()[:32]}"'
        unchanged = tag in request.META.get("HTTP_IF_NONE_MATCH", "")
        response = HttpResponseNotModified() if unchanged else json_response(200, raw)
        response.headers["ETag"] = tag
        response.headers["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """A shared cache gives the answer to others, so it names no request of the first (T88)."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.headers["Cache-Control"].startswith("public"):
            response.headers.pop("Request-Id", None)
        else:
            response.headers["Content-Type"] = problems.TYPE
        return response


def document() -> dict[str, Any]:
    """No `jwks_uri`: we verify and sign nothing. No endpoint: agents begin with the shop's own calls."""
    told: dict[str, Any] = {
        "issuer": conf().PUBLIC_URL,
        "name": conf().MERCHANT_NAME,
        "access_mode": "agent-token",
        "signature_window": conf().AAUTH_SIGNATURE_SECONDS,
        "additional_signature_components": list(COVERED),
        "accept_signature_algs": list(ALGORITHMS),
    }
    optional = {
        "description": conf().SITE_DESCRIPTION,
        "documentation_uri": conf().DOCS_URL,
        "logo_uri": conf().LOGO if conf().LOGO.startswith("https://") else "",
    }
    return told | {name: value for name, value in optional.items() if value}


class WhileOn(RoutePattern):
    """Matches nothing while AAUTH is off: the address is the merchant's own then."""

    def match(self, path: str) -> Any:
        return super().match(path) if conf().AAUTH else None


def located() -> URLPattern:
    """Where the document is."""
    return URLPattern(WhileOn(PATH, name=NAME, is_endpoint=True), Metadata.as_view(), name=NAME)
