"""`/.well-known/aauth-resource.json`: what agents that sign must know of us, and nothing that does not work
(AA-082, AA-415)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.urls import URLPattern
from django.urls.resolvers import RoutePattern
from rest_framework.request import Request

from gateway import account_facts, links, strict_json
from gateway.aauth import problems
from gateway.aauth.person_server import keys
from gateway.aauth.signature_problem import ALGORITHMS
from gateway.conf import conf
from gateway.public_document import PublicDocument

PATH = ".well-known/aauth-resource.json"
NAME = "agentic_aauth_resource"
COVERED = ("content-type", "content-digest")
"""What a signature covers besides what every signature does, where there is a body (AA-401)."""


class Metadata(PublicDocument):
    """Public, cacheable, the same for everybody."""

    dialect = problems
    for_agents = False
    schema = None

    def get(self, request: Request) -> HttpResponse:
        return self.published(request, strict_json.dumps(document()))

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if not response.headers["Cache-Control"].startswith("public"):
            response.headers["Content-Type"] = problems.TYPE
        return response


def document() -> dict[str, Any]:
    """What we sign with is named once we can sign (`AAUTH_KEYS`). No endpoint for permissions: agents begin
    with the shop's own calls."""
    told: dict[str, Any] = {
        "issuer": conf().PUBLIC_URL,
        "name": conf().MERCHANT_NAME,
        "access_mode": "agent-token",
        "signature_window": conf().AAUTH_SIGNATURE_SECONDS,
        "additional_signature_components": list(COVERED),
        "accept_signature_algs": list(ALGORITHMS),
        **described(),
    }
    if keys.usable():
        told |= {
            "jwks_uri": links.to("aauth:jwks"),
            **endpoints({"revocation_endpoint": "revoke"}),
            "scope_descriptions": dict(account_facts.scopes()),
        }
    return told


def described() -> dict[str, str]:
    """What people are shown of us, where it is known."""
    optional = {
        "description": conf().SITE_DESCRIPTION,
        "documentation_uri": conf().DOCS_URL,
        "logo_uri": conf().LOGO if conf().LOGO.startswith("https://") else "",
    }
    return {name: value for name, value in optional.items() if value}


def endpoints(named: Mapping[str, str]) -> dict[str, str]:
    """Where each is, by what it is called among our addresses."""
    return {member: links.to(f"aauth:{view}") for member, view in named.items()}


class WhileOn(RoutePattern):
    """Matches nothing while AAUTH is off: the address is the merchant's own then."""

    def match(self, path: str) -> Any:
        return super().match(path) if conf().AAUTH else None


def located() -> URLPattern:
    """Where the document is."""
    return URLPattern(WhileOn(PATH, name=NAME, is_endpoint=True), Metadata.as_view(), name=NAME)
