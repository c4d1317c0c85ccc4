"""The root page of the stand-alone project: where everything is."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Links to the documentation, the admin and the discovery document."""
    gateway = settings.AGENTIC_GATEWAY
    page = {"demo": gateway["DEMO"], "merchant": gateway.get("MERCHANT_NAME", "This merchant")}
    answer = render(request, "agentic_project/index.html", page)
    answer["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
    return answer


urlpatterns = [path("", index, name="agentic_index")]
