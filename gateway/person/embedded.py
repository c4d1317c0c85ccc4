"""The page of an intervention that is confirmed in a frame: what is bought, and the provider's widget.

GET   .../confirm/<ticket>/embed    what it is about; changes nothing
POST  .../confirm/<ticket>/embed    continue: the widget; finished: its books are asked; or stop

An agent shows it in a frame of its own page, in a web view of its app, or opens it in a tab. In the
frame of another site a browser keeps no cookies of ours, so the page works without any: every form
carries `visit`, which is signed for this one link and holds the secret by which this browser is the
person (T10). A cookie brings the same secret back where browsers keep it.

Django's check of forms compares a field with a cookie, and is replaced here by two that are as
strong (T46). Another site cannot send the form: a POST says where it comes from, which no script
can change, and nothing but our own origin is taken; where a browser says nothing, nothing is taken
either. And another site cannot know the form: `visit` is in a page behind an unguessable link,
which only our own origin can read, and which only the pages that an operator registered for this
agent can frame (T39).

What the widget, or anybody else, says to this page is a hint to ask the provider's books, as the
agent's word is (decision 20). What a provider wants its widget to be told, such as the secret of an
intent, stands in the page of a browser that has entered, and goes to the widget in a message.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from functools import cached_property

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views import View

from gateway import embedders, links
from gateway.conf import conf
from gateway.person import ends
from gateway.person.ends import End
from gateway.person.visiting import BROWSER, BROWSER_SECONDS, VisitPage, fresh_browser
from interventions import visits
from interventions.errors import TakenElsewhere
from interventions.models import Intervention
from interventions.negotiation import Kind
from interventions.states import OPEN
from interventions.weblinks import parse

log = logging.getLogger("agentic.person")

TOLD = {
    ends.DONE: "done",
    ends.ALREADY: "done",
    ends.DENIED: "denied",
    ends.EXPIRED: "expired",
    ends.OVER: "over",
}
"""What the page around ours hears, once nothing more can happen here."""


class FormRefused(Exception):
    """It is no form of ours, or not of this link."""


class EmbedPage(VisitPage):
    """The question, the widget, and how it ended."""

    kinds = frozenset({Kind.WEBVIEW})
    view = "confirm_embed"
    visit = ""
    """The secret by which this browser is the person, once its form was read."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        # Past Django's check of forms; ours is in `found`.
        return View.dispatch(self, request, *args, **kwargs)

    def post(self, request: HttpRequest, ticket: str) -> HttpResponse:
        try:
            return super().post(request, ticket)
        except FormRefused as why:
            log.info("the form of a page was refused: %s", why)
            return self.page(request, "form_refused", {}, status=403)

    @cached_property
    def framed_by(self) -> tuple[str, ...]:
        return embedders.origins_of(self.row.owner) if self.row else ()

    def found(self, request: HttpRequest, ticket: str) -> Intervention:
        """As every visit, and of a POST also that it is ours. Raises FormRefused too."""
        row = super().found(request, ticket)
        if request.method == "POST":
            self.visit = _visit_of(request, ticket)
        else:
            self.visit = _known(request, row) or fresh_browser(request.COOKIES.get(BROWSER, ""))
        return row

    def ask(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        provider = visits.provider_of(row)
        ours = parse(conf().PUBLIC_URL).origin
        origins = tuple(parse(origin).netloc for origin in provider.origins if origin != ours)
        shown = {"provider": provider.name, "origins": origins, "minutes": self.minutes_left(row)}
        return self.show(request, "embed", shown | self.form)

    def decide(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        finished = request.POST.get("answer") == "finished"
        return (self.finish if finished else self.widget)(request, row)

    def finish(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        """The provider's books were asked; while they say nothing, the widget is there again."""
        visits.entered(row.pk, self.visit)
        after = visits.read_back(row.pk, door=visits.FRAMED)
        if after.state in OPEN:
            return self.widget(request, after, again=True)
        self.tell(after)
        return self.end(request, ends.of(after.state))

    def widget(self, request: HttpRequest, row: Intervention, *, again: bool = False) -> HttpResponse:
        """The provider's page in a frame of ours; `again`: it has no answer yet."""
        browser = self.browser(request, row)
        begun = visits.embed(row.pk, browser, return_to=links.confirm_return(self.ticket))
        provider = visits.provider_of(row)
        shown = {
            "provider": provider.name,
            "url": begun.url,
            "told": json.dumps(dict(begun.told)),
            "origins": provider.origins,
            "confirmation": row.pk,
            "again": again,
            "minutes": self.minutes_left(row),
        }
        return self.show(request, "embed_widget", shown | self.form, frames=tuple(provider.origins))

    def ending(self, request: HttpRequest, end: End, onward: str) -> HttpResponse:
        told = {
            "event": TOLD.get(end, ""),
            "session": self.row.subject if self.row else "",
            "embedders": self.framed_by,
        }
        return self.show(request, "embed_end", {"end": end, "onward": onward} | told | self.form, end.status)

    def browser(self, request: HttpRequest, row: Intervention) -> str:
        """As at every visit, from the form. A page whose answer was lost is sent again as the same
        browser, because its secret came with the question."""
        visits.enter(row.pk, self.visit)
        self.entered_as = self.visit
        return self.visit

    @property
    def form(self) -> dict[str, str]:
        """What every form of the page carries."""
        return {"visit": signing.dumps(self.visit, salt=_salt(self.ticket))}


def _known(request: HttpRequest, row: Intervention) -> str:
    """The secret of a browser that keeps our cookies and was here before, or ""."""
    given = request.COOKIES.get(BROWSER, "")
    with suppress(TakenElsewhere):
        visits.entered(row.pk, given)
        return given
    return ""


def _visit_of(request: HttpRequest, ticket: str) -> str:
    """The secret that a form of ours, for this link, carries. Raises FormRefused."""
    if not _is_ours(request):
        raise FormRefused("sent from elsewhere")
    try:
        return str(signing.loads(request.POST.get("visit", ""), salt=_salt(ticket), max_age=BROWSER_SECONDS))
    except signing.BadSignature:
        raise FormRefused("not made for this link") from None


def _is_ours(request: HttpRequest) -> bool:
    """A page of ours has sent it. Browsers say so in `Origin`; the few that do not, in `Referer`,
    which our pages allow for ourselves alone."""
    said = request.headers.get("Origin") or request.headers.get("Referer", "")
    try:
        return parse(said).origin == parse(conf().PUBLIC_URL).origin
    except ValueError:
        return False


def _salt(ticket: str) -> str:
    return f"visit of {ticket}"
