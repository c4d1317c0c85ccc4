"""`/.well-known/aauth-person.json` and our public keys: what others must know of us as a person server, and
nothing that does not work (AA-200, AA-413)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.urls import URLPattern
from rest_framework.request import Request

from gateway import account_facts, links, strict_json
from gateway.aauth import metadata
from gateway.aauth.metadata import Metadata, WhileOn
from gateway.aauth.person_server import keys
from gateway.aauth.signature_problem import ALGORITHMS
from gateway.conf import conf
from gateway.errors import UnknownPath

PATH = ".well-known/aauth-person.json"
NAME = "agentic_aauth_person"
JWKS_SECONDS = 300
"""Whoever keeps our keys for longer would not know a new one for as long."""

ENDPOINTS: Mapping[str, str] = {
    "auth_token_endpoint": "auth_token",
    "person_token_endpoint": "person_token",
    "interaction_endpoint": "person_interaction",
    "revocation_endpoint": "revoke",
}
"""What each is called among our addresses."""


def is_on() -> bool:
    """We are somebody's person server: switched on, and able to sign."""
    return conf().AAUTH is True and conf().AAUTH_PERSON_SERVER is True and keys.usable()


class PersonMetadata(Metadata):
    """Public, cacheable, the same for everybody; not there while we are no person server."""

    def get(self, request: Request) -> HttpResponse:
        if not is_on():
            raise UnknownPath
        return self.published(request, strict_json.dumps(document()))


class Keys(Metadata):
    """Our public keys as a JWK Set; not there while there are none."""

    fresh_seconds = JWKS_SECONDS

    def get(self, request: Request) -> HttpResponse:
        if not conf().AAUTH or not keys.usable():
            raise UnknownPath
        return self.published(request, strict_json.dumps(keys.jwks()))


def document() -> dict[str, Any]:
    """No missions, no permissions, no audit: their endpoints are not there."""
    return {
        "issuer": conf().PUBLIC_URL,
        "jwks_uri": links.to("aauth:jwks"),
        **metadata.endpoints(ENDPOINTS),
        "scopes_supported": list(account_facts.scopes()),
        "claims_supported": ["sub"],
        "accept_signature_algs": list(ALGORITHMS),
        "name": conf().MERCHANT_NAME,
        **metadata.described(),
    }


def located() -> URLPattern:
    """Where the document is."""
    return URLPattern(WhileOn(PATH, name=NAME, is_endpoint=True), PersonMetadata.as_view(), name=NAME)
