"""A document that is public and the same for everybody: kept by caches, and 304 for whoever has it."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, ClassVar

from django.http import HttpResponse, HttpResponseNotModified
from rest_framework.request import Request

from gateway.api import ProtocolView, json_response

FRESH_SECONDS = 3600


class PublicDocument(ProtocolView):
    """Public, cacheable, the same for everybody. A subclass makes the document."""

    fresh_seconds: ClassVar[int] = FRESH_SECONDS

    def published(self, request: Request, raw: bytes) -> HttpResponse:
        """The document, or 304 for whoever has it."""
        tag = f'"{sha256(raw).hexdigest()[:32]}"'
        unchanged = tag in request.META.get("HTTP_IF_NONE_MATCH", "")
        response = HttpResponseNotModified() if unchanged else json_response(200, raw)
        response.headers["ETag"] = tag
        response.headers["Cache-Control"] = f"public, max-age={self.fresh_seconds}"
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """A shared cache gives the answer to others, so it names no request of the first (T88)."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.headers["Cache-Control"].startswith("public"):
            response.headers.pop("Request-Id", None)
        return response
