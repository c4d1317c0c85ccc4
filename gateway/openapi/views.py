"""`schema/`: the document. `docs/`: the page that shows it, without the internet."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.http import HttpResponse, HttpResponseNotModified
from django.templatetags.static import static
from drf_spectacular.utils import OpenApiParameter
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request

from gateway.acp import refusals
from gateway.api import JSON, AlwaysJSON, ProtocolView
from gateway.openapi import document
from gateway.openapi.operations import answer, described, received, sent

YAML = "application/yaml"
SIDECAR = "drf_spectacular_sidecar/swagger-ui-dist/"


class Schema(ProtocolView):
    """The OpenAPI document: JSON, or YAML for who asks for it."""

    dialect = refusals

    @described(
        operation_id="getOpenAPIDocument",
        summary="This document",
        description="Everything that is described here, as JSON, or as YAML on request.",
        tag="Service",
        headers=[
            sent(
                "format",
                "Which of the two. Without it the `Accept` header decides.",
                {"type": "string", "enum": ["json", "yaml"], "default": "json"},
                location=OpenApiParameter.QUERY,
            ),
            received("ETag", "Changes when the document does.", [200, 304]),
        ],
        responses={
            (200, JSON, YAML): answer({"type": "object"}, "The document."),
            304: answer(None, "Unchanged since the `ETag` in `If-None-Match`."),
            400: answer("Error", "The query string is not text."),
        },
    )
    def get(self, request: Request) -> HttpResponse:
        as_yaml = _wants_yaml(request)
        raw = (document.as_yaml() if as_yaml else document.as_json()).encode()
        tag = f'"{sha256(raw).hexdigest()[:32]}"'
        unchanged = tag in request.META.get("HTTP_IF_NONE_MATCH", "")
        kind = YAML if as_yaml else JSON
        response = HttpResponseNotModified() if unchanged else HttpResponse(raw, content_type=kind)
        response.headers["ETag"] = tag
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Vary"] = "Accept"
        return response


class Docs(SpectacularSwaggerSplitView):
    """Swagger UI from our own static files, under a policy that lets it fetch from nowhere else.

    The page may have inline styles and `data:` images, because Swagger UI cannot do without; no
    other page of ours may. It has no inline script.
    """

    title = document.OURS["TITLE"]
    url_name = "agentic_api:schema"
    template_name_js = "agentic/api_docs.js"
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    versioning_class = None
    renderer_classes = [TemplateHTMLRenderer]
    content_negotiation_class = AlwaysJSON  # takes the only renderer there is, whatever is asked for
    http_method_names = ["get", "head"]
    schema = None

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        return transaction.non_atomic_requests(super().as_view(**initkwargs))

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Content-Security-Policy"] = _policy()
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Cache-Control"] = "no-cache"
        return response

    @staticmethod
    def _swagger_ui_resource(filename: str) -> str:
        return static(SIDECAR + filename)

    @staticmethod
    def _swagger_ui_favicon() -> str:
        return static(SIDECAR + "favicon-32x32.png")


def _policy() -> str:
    """Ours only, which includes the host of the static files where they have one of their own."""
    place = urlsplit(static(SIDECAR))
    files = f" {place.scheme or 'https'}://{place.netloc}" if place.netloc else ""
    return (
        f"default-src 'none'; script-src 'self'{files}; style-src 'self'{files} 'unsafe-inline'; "
        f"img-src 'self'{files} data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _wants_yaml(request: Request) -> bool:
    """`?format=` decides, else whether the `Accept` header names YAML."""
    if asked := request.GET.get("format"):
        return asked == "yaml"
    return "yaml" in request.META.get("HTTP_ACCEPT", "").lower()
