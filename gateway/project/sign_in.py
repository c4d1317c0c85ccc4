"""Where people sign in and out of the stand-alone project.

A merchant has pages of their own for that; these are for whoever runs the project as it is, and for the
demo. They know nobody: `django.contrib.auth` does.
"""

from __future__ import annotations

import math
import unicodedata
from urllib.parse import urlsplit

from django.contrib.auth import login, logout
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import RedirectURLMixin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from gateway import addresses, keys, persons, windows
from gateway.conf import conf
from gateway.person.account_waiting import PRESENCE
from gateway.person.ends import End
from gateway.person.pages import FormPage
from interventions import reaching

PER_MINUTE = 10
"""Passwords that one network address, or whoever it is for one account, may try in any minute."""
PURPOSE = "sign-in"

WRONG = gettext_noop("We know no account with this name and password. Check both, and try again.")
SIGNED_OUT = End(
    gettext_noop("You have signed out"),
    (gettext_noop("Nothing of your account is shown in this browser any more."),),
)
TOO_OFTEN = End(
    gettext_noop("Too many tries to sign in"),
    (gettext_noop("Wait a minute, then try again."),),
    status=429,
)


@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class SignInPage(RedirectURLMixin, FormPage):
    """GET shows the form; POST signs in, and leads to `next` when that is a page of this site."""

    def get_success_url_allowed_hosts(self, request: HttpRequest | None = None) -> set[str]:
        """Our own, by its name and not by what a request says it is (T86)."""
        return {urlsplit(conf().PUBLIC_URL).netloc}

    def get_default_redirect_url(self) -> str:
        return reverse("agentic:account") if conf().AAUTH_PERSON_SERVER else reverse("agentic_index")

    def get(self, request: HttpRequest) -> HttpResponse:
        if persons.persons().signed_in(request) is not None:
            return self.sent_on(self.get_success_url())
        return self.form(request)

    @sensitive_variables("form")
    def post(self, request: HttpRequest) -> HttpResponse:
        name = request.POST.get("username", "")
        if seconds := _too_often(request, name):
            response = self.page(request, "account_end", {"end": TOO_OFTEN}, TOO_OFTEN.status)
            response.headers["Retry-After"] = str(seconds)
            return response
        form = AuthenticationForm(request, request.POST)
        if not form.is_valid():
            return self.form(request, name=name[:200], wrong=WRONG)
        login(request, form.get_user())
        return self.sent_on(self.get_success_url())

    def form(self, request: HttpRequest, *, name: str = "", wrong: str = "") -> HttpResponse:
        # A password does not come back.
        shown = {"name": name, "wrong": wrong, "next": self.get_redirect_url()}
        return self.page(request, "sign_in", shown)


class SignOutPage(FormPage):
    """POST alone: a link that somebody follows signs nobody out."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        person = persons.persons().signed_in(request)
        if person is not None:
            reaching.left(person.id, request.COOKIES.get(PRESENCE, ""))
        logout(request)
        response = self.page(request, "account_end", {"end": SIGNED_OUT, "sign_in": reverse("login")})
        # What the browser may have kept of the account's pages for its button "back".
        response.headers["Clear-Site-Data"] = '"cache"'
        return response


def _too_often(request: HttpRequest, name: str) -> int:
    """The seconds until another password may be tried; 0 when one may now."""
    # As the form reads it, or each spelling of a name would have tries of its own.
    read = unicodedata.normalize("NFKC", name.strip()).lower()
    tried = [("name", read)] + ([("address", address)] if (address := addresses.of(request)) else [])
    counts = [
        (f"sign-in:{kind}:{keys.digest(text.encode(errors='replace'), PURPOSE)}", PER_MINUTE)
        for kind, text in tried
    ]
    return math.ceil(windows.take(counts).wait_seconds)
