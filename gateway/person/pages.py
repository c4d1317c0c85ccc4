"""What every page for people shares."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import translation
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_protect

from gateway.conf import conf

LANGUAGE = "en"
"""Of all words on our pages; the merchant's LANGUAGE_CODE would put his into their dates."""


class Page(View):
    """No transaction, no script of others, no framing, no referrer, and no account with the
    merchant, whose middleware may ask for one everywhere else. A GET shows and changes nothing."""

    http_method_names = ["get", "head"]
    form_action: ClassVar[str] = "'none'"
    referrer: ClassVar[str] = "no-referrer"

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        view: Callable[..., HttpResponseBase] = transaction.non_atomic_requests(super().as_view(**initkwargs))
        return login_not_required(view)

    def page(
        self,
        request: HttpRequest,
        name: str,
        context: dict[str, Any],
        status: int = 200,
        *,
        goes_to: tuple[str, ...] = (),
    ) -> HttpResponse:
        """The page, with its own policy; `goes_to` names origins that its form may lead to."""
        nonce = secrets.token_urlsafe(16)
        shown = context | {"merchant": conf().MERCHANT_NAME, "nonce": nonce}
        with translation.override(LANGUAGE):
            response = render(request, f"agentic/{name}.html", shown, status=status)
        form_action = " ".join((self.form_action, *goes_to))
        response.headers["Content-Language"] = LANGUAGE
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'self'; img-src 'self'; script-src 'nonce-{nonce}'; "
            f"base-uri 'none'; form-action {form_action}; frame-ancestors 'none'"
        )
        response.headers["Referrer-Policy"] = self.referrer
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["X-Robots-Tag"] = "noindex"
        response.headers["Cache-Control"] = "no-store"
        return response


@method_decorator(csrf_protect, name="dispatch")
class FormPage(Page):
    """A page with a decision: a POST with its token, from our own page only (T46)."""

    http_method_names = ["get", "head", "post"]
    form_action = "'self'"
    # Tells other sites as little, but "no-referrer" would blank the Origin of our own forms too.
    referrer = "same-origin"
