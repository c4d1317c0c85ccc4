"""The root page of the stand-alone project, where everything is, and the pages to sign in and out."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from gateway import shoppers
from gateway.project.sign_in import SignInPage, SignOutPage


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Links to the documentation, the admin and the discovery document."""
    gateway = settings.AGENTIC_GATEWAY
    page = {
        "demo": gateway["DEMO"],
        "merchant": gateway.get("MERCHANT_NAME", "This merchant"),
        "accounts": gateway.get("AAUTH") and gateway.get("AAUTH_PERSON_SERVER"),
        "persons": [name for name, _ in shoppers.DEMO_PERSONS],
        "password": shoppers.DEMO_PASSWORD,
    }
    answer = render(request, "agentic_project/index.html", page)
    answer["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
    return answer


urlpatterns = [
    path("", index, name="agentic_index"),
    path("sign-in", SignInPage.as_view(), name="login"),
    path("sign-out", SignOutPage.as_view(), name="logout"),
]
