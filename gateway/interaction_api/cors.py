"""What a browser lets pages of other origins do here (AJ-055 to AJ-059). No cookie is read on these
paths, and none is ever allowed."""

from __future__ import annotations

from django.http import HttpRequest

from gateway.conf import conf

EVERYBODY = "*"
METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
SENT = "Content-Type, X-Agent-Session, Authorization, X-Session-Token, Idempotency-Key, Request-Id"
READ = "Retry-After, X-RateLimit-Remaining, X-RateLimit-Reset, Link, ETag, Request-Id, Idempotent-Replayed"
FRESH_SECONDS = 7200
"""Longer than this no browser remembers what it was told about a path."""


def headers(request: HttpRequest) -> dict[str, str]:
    """For every answer, errors included. With chosen origins, only the one that asks is named."""
    allowed = conf().INTERACTION_ORIGINS
    told = {
        "Access-Control-Allow-Headers": SENT,
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Expose-Headers": READ,
        "Access-Control-Max-Age": str(FRESH_SECONDS),
    }
    if EVERYBODY in allowed:
        return {"Access-Control-Allow-Origin": EVERYBODY, **told}
    origin = request.META.get("HTTP_ORIGIN", "")
    if origin not in allowed:
        return {"Vary": "Origin"}
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin", **told}
