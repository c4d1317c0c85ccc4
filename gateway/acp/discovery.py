"""`/.well-known/acp.json`: what is built, and nothing else (acp.md section R)."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from checkout.ports import ports
from gateway import links
from gateway.acp import documentation, refusals, standing, versions
from gateway.conf import conf
from gateway.errors import Unavailable
from gateway.public_document import PublicDocument


class Discovery(PublicDocument):
    """Public, cacheable, the same for everybody; carries no merchant or provider detail (ACP-238)."""

    dialect = refusals

    @documentation.discovery
    def get(self, request: Request) -> HttpResponse:
        return self.published(request, self.answer("DiscoveryResponse", document()))


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
