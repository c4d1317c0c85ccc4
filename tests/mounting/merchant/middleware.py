from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class Audit:
    """Every body is read before the view, and every answer says who asked: one of our customers,
    or nobody we know. Merchants' audit logs do both."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        size = len(request.body)
        response = self.get_response(request)
        who = request.user.email if request.user.is_authenticated else "nobody"
        response.headers["X-Audit"] = f"{size} bytes from {who}"
        return response
