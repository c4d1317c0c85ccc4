"""What every page for people shares."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ClassVar

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import render
from django.utils import translation as django_translation
from django.utils.decorators import decorator_from_middleware, method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from gateway import languages
from gateway.delivery import origin
from gateway.person import ends
from gateway.person.look import look
from interventions import translation

log = logging.getLogger("agentic.person")
reports = logging.getLogger("django.request")
"""Where the merchant looks for what broke, and has mails of it sent."""


class Page(View):
    """No transaction, no script of others unless a page names them, no framing, no referrer, and no
    account with the merchant, whose middleware may ask for one everywhere else. A GET shows and changes
    nothing."""

    http_method_names = ["get", "head"]
    form_action: ClassVar[str] = "'none'"
    referrer: ClassVar[str] = "no-referrer"

    @property
    def framed_by(self) -> tuple[str, ...]:
        """The origins of pages that may show this one in a frame, ours then among them; nobody (T39)."""
        return ()

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        view: Callable[..., HttpResponseBase] = transaction.non_atomic_requests(super().as_view(**initkwargs))
        # The merchant's check of forms would answer with a page of its own; ours is in `FormPage`.
        return csrf_exempt(login_not_required(_unbroken(view)))

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        # A request names the charset it is read in, and one such as hex or unicode_escape makes of it
        # nothing, or no text. Our own forms are UTF-8.
        request.encoding = "utf-8"
        super().setup(request, *args, **kwargs)

    def page(
        self,
        request: HttpRequest,
        name: str,
        context: dict[str, Any],
        status: int = 200,
        *,
        goes_to: tuple[str, ...] = (),
        frames: tuple[str, ...] = (),
        scripts: tuple[str, ...] = (),
        asks: tuple[str, ...] = (),
        works: bool = False,
        language: str = "",
    ) -> HttpResponse:
        """The page, with its own policy, in `language` or what the browser asks for; `goes_to` names
        origins that its form may lead to, `frames` those whose pages it shows in a frame of its own,
        `scripts` those whose scripts it runs, `asks` those that they ask something, and `works` admits
        a service worker of ours."""
        nonce = secrets.token_urlsafe(16)
        shop = look()
        language = language or languages.best(None, request.headers.get("Accept-Language", ""))
        shown = context | {
            "merchant": shop.name,
            "look": shop,
            "nonce": nonce,
            "language": language,
            "words": translation.words(language),
        }
        # The merchant's LANGUAGE_CODE would put his language into our dates.
        with django_translation.override(language):
            response = render(request, f"agentic/{name}.html", shown, status=status)
        ours = " ".join(("'self'", *shop.origins))
        form_action = " ".join((self.form_action, *goes_to))
        frame_src = " ".join(frames or ("'none'",))
        script_src = " ".join((f"'nonce-{nonce}'", *scripts))
        connect_src = f"connect-src {' '.join(asks)}; " if asks else ""
        worker_src = "worker-src 'self'; " if works else ""
        framed_by = " ".join(("'self'", *self.framed_by) if self.framed_by else ("'none'",))
        response.headers["Content-Language"] = language
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src {ours} 'nonce-{nonce}'; img-src {ours}; "
            f"script-src {script_src}; {connect_src}{worker_src}frame-src {frame_src}; "
            f"base-uri 'none'; form-action {form_action}; frame-ancestors {framed_by}"
        )
        response.headers["Referrer-Policy"] = self.referrer
        response.headers["X-Content-Type-Options"] = "nosniff"
        if self.framed_by:
            # The older header knows no list, and browsers that know the policy ignore it.
            response.xframe_options_exempt = True
        else:
            response.headers["X-Frame-Options"] = "DENY"
        response.headers["X-Robots-Tag"] = "noindex"
        response.headers["Cache-Control"] = "no-store"
        # Django would log what is no 200 with its path, which is a link that only its person has (T08).
        response._has_been_logged = True  # type: ignore[attr-defined]  # the mark of its log_response
        return response


def spoken(told: Mapping[str, Any], status: int = 200) -> HttpResponse:
    """JSON for the script of a page of ours. Like the page it is kept by nobody, found by nobody, and not
    logged with its address (T08)."""
    response = JsonResponse(told, status=status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Robots-Tag"] = "noindex"
    response._has_been_logged = True  # type: ignore[attr-defined]  # the mark of its log_response
    return response


def _unbroken(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view, whose errors are a page too: Django's line in the log would be the address, which is a link
    that only its person has (T08), and its answer a page of the merchant's."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except (SuspiciousOperation, BadRequest, MultiPartParserError) as problem:
            log.info("a page cannot read what it was sent: %s", type(problem).__name__)
            return FormPage().page(request, "form_refused", {}, status=400)
        except Exception as problem:
            got_request_exception.send(sender=None, request=request)  # for whoever collects errors
            reports.error(
                "a page broke: %s",
                origin(problem),
                exc_info=problem,
                extra={"request": request, "status_code": ends.BROKEN.status},
            )
            return Page().page(request, "visit_end", {"end": ends.BROKEN}, ends.BROKEN.status)

    return answered


class _OwnForms(CsrfViewMiddleware):
    """Django's check of forms, whose refusal is a page of ours and not the merchant's."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        # What follows is the address of the page that sent it, which may be a person's link (T08).
        log.info("the form of a page was refused: %s", reason.partition(" - ")[0])
        return FormPage().page(request, "form_refused", {}, status=403)


@method_decorator(decorator_from_middleware(_OwnForms), name="dispatch")
class FormPage(Page):
    """A page with a decision: a POST with its token, from our own page only (T46)."""

    http_method_names = ["get", "head", "post"]
    form_action = "'self'"
    # Tells other sites as little, but "no-referrer" would blank the Origin of our own forms too.
    referrer = "same-origin"

    def sent_on(self, path: str) -> HttpResponse:
        """On to another page of ours, which is asked for anew."""
        response = HttpResponseRedirect(path)
        response.status_code = 303
        response.headers["Referrer-Policy"] = self.referrer
        response.headers["Cache-Control"] = "no-store"
        return response
