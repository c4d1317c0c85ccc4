"""The page that shows a new key, once: a message would carry it in a cookie."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.debug import sensitive_variables

from checkout.screens import Screen


@sensitive_variables("made", "context")
def shown_once(
    screen: Screen, request: HttpRequest, made: Sequence[tuple[Model, str]], *, title: str, kept: str
) -> HttpResponse:
    """Each row with its key, in this answer and nowhere else. `kept` says what is stored of it."""
    context = {
        **screen.admin_site.each_context(request),
        "title": title,
        "made": made,
        "kept": kept,
        "opts": screen.opts,
        "media": screen.media,
    }
    response = TemplateResponse(request, "admin/agentic_gateway/key_once.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response
