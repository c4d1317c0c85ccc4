"""The document itself: written once per process and URL configuration, then kept."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import metadata
from threading import Lock
from typing import Any

from django.urls import URLResolver, get_resolver, get_script_prefix, get_urlconf
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.settings import SPECTACULAR_DEFAULTS, patched_settings

from gateway.openapi import security  # noqa: F401  (registers itself)
from gateway.openapi.operations import our_document

DISTRIBUTION = "agentic-checkout-gateway"

TEXT = """\
What an AI agent can call to buy here.

* Find the shop at `/.well-known/acp.json`. Its `api_base_url` is where the checkout lives.
* Send the key you were given as `Authorization: Bearer <key>`, and `API-Version` with every request.
* Send an `Idempotency-Key` with every POST, and the same one when you repeat it: a repeat is answered
  like the first time (`Idempotent-Replayed: true`) and done once.
* All amounts are whole numbers in the minor unit of their currency: 2800 is 28.00 USD.
* A session that comes back with `messages` is not an error: they say what is missing and where. An
  `Error` means that there is no session to show.
* A session in `authentication_required` waits for its buyer: `intervention_context` says for what, and
  the update takes the answer. This is the extension `intervention_types@2026-02-17`; an agent that
  declares none of its types and does not name it gets sessions without its members.
"""

OURS: dict[str, Any] = {
    "OAS_VERSION": "3.1.1",
    "TITLE": "Agentic checkout gateway",
    "DESCRIPTION": TEXT,
    "TAGS": [
        {
            "name": "Checkout",
            "description": "Agentic Commerce Protocol: checkout sessions, from cart to order.",
        },
        {
            "name": "Carts",
            "description": "Agentic Commerce Protocol: what an agent puts together before it opens a "
            "checkout session. Nothing is reserved, and amounts are estimates.",
        },
        {
            "name": "Delegation",
            "description": "Agentic Commerce Protocol: a card for a token, and 3-D Secure for a card. Served "
            "where the shop has somebody who takes cards.",
        },
        {
            "name": "Orders",
            "description": "What became of an order, where the shop lets agents ask.",
        },
        {"name": "Discovery", "description": "What this shop speaks, and where."},
        {"name": "Service", "description": "Whether the gateway is well, and this document."},
    ],
    "SCHEMA_PATH_PREFIX": "/",
    "SORT_OPERATION_PARAMETERS": False,
    "PREPROCESSING_HOOKS": ["gateway.openapi.hooks.only_ours"],
    "POSTPROCESSING_HOOKS": ["gateway.openapi.hooks.with_components"],
}

# drf-spectacular keeps its settings in one place for all threads: ours are in force under this
# lock only, and only while the document is being written.
_writing = Lock()


def document() -> dict[str, Any]:
    """The OpenAPI document of our routes in the URL configuration in force.

    May be repeated. Shared: the caller must not change it.
    """
    return _document(get_resolver(get_urlconf()), get_script_prefix())


def as_json() -> str:
    return _json(get_resolver(get_urlconf()), get_script_prefix())


def as_yaml() -> str:
    return _yaml(get_resolver(get_urlconf()), get_script_prefix())


@lru_cache(maxsize=8)
def _document(resolver: URLResolver, prefix: str) -> dict[str, Any]:
    with _writing, patched_settings(_settings(prefix)), our_document(), translation.override("en"):
        # Typed in part only.
        generator: Any = SchemaGenerator(patterns=resolver.url_patterns)  # type: ignore[no-untyped-call]
        written: dict[str, Any] = generator.get_schema(public=True)
    return written


@lru_cache(maxsize=8)
def _json(resolver: URLResolver, prefix: str) -> str:
    return json.dumps(_document(resolver, prefix), indent=2, ensure_ascii=False) + "\n"


@lru_cache(maxsize=8)
def _yaml(resolver: URLResolver, prefix: str) -> str:
    renderer: Any = OpenApiYamlRenderer()
    rendered: bytes = renderer.render(_document(resolver, prefix))
    return rendered.decode()


def _settings(prefix: str) -> dict[str, Any]:
    """Every setting of drf-spectacular, so that nothing of the merchant's shows through."""
    # Settings of its own views cannot be patched, and are not used here.
    neutral = {
        key: value
        for key, value in SPECTACULAR_DEFAULTS.items()
        if not key.startswith("SERVE_") and key != "DEFAULT_GENERATOR_CLASS"
    }
    # Relative to the host that is asked: the document is right behind every proxy.
    servers = [{"url": prefix.rstrip("/") or "/", "description": "This host"}]
    return {**neutral, **OURS, "VERSION": _version(), "SERVERS": servers}


def _version() -> str:
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:  # the source is on the path without being installed
        return "0"
