"""`/.well-known/acp.json`: what is built, and nothing else (acp.md section R)."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from django.http import HttpResponse, HttpResponseNotModified
from rest_framework.request import Request

from checkout.ports import ports
from gateway import links
from gateway.acp import documentation, refusals, standing, versions
from gateway.api import ProtocolView, json_response
from gateway.conf import conf
from gateway.errors import Unavailable

FRESH_SECONDS = 3600


class Discovery(ProtocolView):
    """Public, cacheable, the same for everybody; carries no merchant or provider detail (ACP-238)."""

    dialect = refusals

    @documentation.discovery
    def get(self, request: Request) -> HttpResponse:
        raw = self.answer("DiscoveryResponse", document())
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
        return response


def document() -> dict[str, Any]:
    """The discovery document, from what is really plugged in. Raises Unavailable before that."""
    try:
        currencies = list(ports().catalog.currencies())
    except RuntimeError:
        raise Unavailable from None
    return {
        "protocol": {
            "name": "acp",
            "version": versions.CURRENT.date,
            "supported_versions": list(versions.DATES),
        },
        "api_base_url": links.acp_base(),
        "transports": ["rest"],
        "capabilities": {
            "services": _services(),
            "supported_currencies": currencies,
            "supported_locales": list(conf().LANGUAGES),
            "extensions": [{"name": standing.EXTENSION}],
        },
    }


def _services() -> list[str]:
    found = ["checkout"]
    if conf().ORDERS_API:
        found.append("orders")
    if ports().vault:
        found.append("delegate_payment")
    return found + (["carts"] if conf().CARTS_API else [])
