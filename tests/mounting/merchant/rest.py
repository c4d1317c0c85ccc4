"""The merchant's REST framework: what his own views do, and the gateway's must not."""

from __future__ import annotations

from typing import Any

from rest_framework.parsers import BaseParser
from rest_framework.response import Response
from rest_framework.views import exception_handler


class NoParser(BaseParser):
    """Takes one media type, and that is not JSON."""

    media_type = "application/vnd.kaffee"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        raise AssertionError("no view of the gateway reads a body with the merchant's parser")


def in_german(problem: Exception, context: dict[str, Any]) -> Response | None:
    """Errors in the merchant's own words."""
    response = exception_handler(problem, context)
    if response is not None:
        response.data = {"fehler": response.status_code}
    return response
