"""What every page of a person's account shares: whose it is, what it says to others, and its way around.

A page shows what belongs to whoever is signed in with the merchant (AA-212), and to them alone: what is
somebody else's answers exactly as what was never there. A visitor is sent to sign in and comes back.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_noop

from gateway import intake, keys, languages, persons, windows
from gateway.person import account_ends
from gateway.person.ends import End
from gateway.person.pages import FormPage
from gateway.persons import Person

log = logging.getLogger("agentic.person")

POSTS_PER_MINUTE = 30
"""What one person changes here in any minute, in all their browsers."""
PURPOSE = "person who changes their account"

PAGES = (
    ("account", gettext_noop("Requests")),
    ("account_agents", gettext_noop("Agents")),
    ("account_devices", gettext_noop("How we reach you")),
    ("account_history", gettext_noop("History")),
)


class NotTheirs(Exception):
    """There is no such thing, or it is another person's: nobody is told which."""


class AccountPage(FormPage):
    """`shown` and `taken` are called for a person who is signed in; both may raise NotTheirs."""

    person: Person
    here = ""
    """The name of the page in the way around, of which this one is a part."""

    def get(self, request: HttpRequest, **kept: str) -> HttpResponse:
        return self.answered(request, self.shown, **kept)

    def post(self, request: HttpRequest, **kept: str) -> HttpResponse:
        return self.answered(request, self.taken, **kept)

    def shown(self, request: HttpRequest, **kept: str) -> HttpResponse:
        """What there is to see. Changes nothing."""
        raise NotImplementedError

    def taken(self, request: HttpRequest, **kept: str) -> HttpResponse:
        """What the person decided. A page that takes nothing shows itself."""
        return self.sent_on(request.path)

    def answered(
        self, request: HttpRequest, answer: Callable[..., HttpResponse], **kept: str
    ) -> HttpResponse:
        try:
            intake.check_target(request)
        except intake.IntakeError:
            return self.ended(request, account_ends.NOT_FOUND)
        person = persons.persons().signed_in(request)
        if person is None:
            return self.to_a_visitor(request)
        self.person = person
        if request.method == "POST" and (seconds := _too_often(person)):
            response = self.ended(request, account_ends.TOO_OFTEN)
            response.headers["Retry-After"] = str(seconds)
            return response
        try:
            return answer(request, **kept)
        except NotTheirs:
            return self.ended(request, account_ends.NOT_FOUND)

    def to_a_visitor(self, request: HttpRequest) -> HttpResponse:
        """They sign in and come back. A form that was sent is not: what it decided was not theirs to say."""
        url = persons.persons().sign_in_url(request.path)
        if request.method == "POST":
            return self.ended(request, account_ends.SIGNED_OUT, sign_in=url)
        return self.sent_on(url)

    def ended(self, request: HttpRequest, end: End, *, sign_in: str = "") -> HttpResponse:
        """A page without a question."""
        return self.show(request, "account_end", {"end": end, "sign_in": sign_in}, end.status)

    def show(
        self,
        request: HttpRequest,
        name: str,
        context: dict[str, Any],
        status: int = 200,
        *,
        goes_to: tuple[str, ...] = (),
        works: bool = False,
    ) -> HttpResponse:
        person: Person | None = getattr(self, "person", None)
        known = {
            "person": person,
            "pages": [(reverse(f"agentic:{page}"), label, page == self.here) for page, label in PAGES],
            "sign_out": persons.sign_out_url() if person else "",
        }
        return self.page(
            request,
            name,
            known | context,
            status,
            goes_to=goes_to,
            asks=("'self'",),
            works=works,
            language=self.language(request),
        )

    def language(self, request: HttpRequest) -> str:
        """As the merchant knows the person to speak; else as their browser does."""
        person: Person | None = getattr(self, "person", None)
        wished = person.language if person else ""
        return languages.best(wished or None, request.headers.get("Accept-Language", ""))


def _too_often(person: Person) -> int:
    """The seconds until the person may change something again; 0 when they may now."""
    name = keys.digest(person.id.encode(), PURPOSE)
    return math.ceil(windows.take([(f"account:{name}", POSTS_PER_MINUTE)]).wait_seconds)
