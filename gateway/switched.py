"""Addresses that are there only while we are a person server: else whatever else is mounted answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern
from django.urls.resolvers import RoutePattern

from gateway.conf import conf


class WhilePersonServer(RoutePattern):
    """Matches nothing while AAUTH or AAUTH_PERSON_SERVER is off; read when a request comes."""

    def match(self, path: str) -> Any:
        return super().match(path) if conf().AAUTH and conf().AAUTH_PERSON_SERVER else None


def at(route: str, view: Callable[..., Any], name: str) -> URLPattern:
    """As Django's `path`."""
    return URLPattern(WhilePersonServer(route, name=name, is_endpoint=True), view, name=name)
