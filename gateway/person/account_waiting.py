"""What a person's agents want of them now, and how the banner of a page hears of it.

GET   .../account/        what waits, the oldest first
POST  .../account/        on to the page where a grant is decided
POST  .../account/news    for `banner.js`: how much waits and what is newest; the browser counts as present

A browser that asks for news is one in which its person can be reached (AA-210): that is what the POST
changes, and all that it does. It comes from our own pages alone, which a browser says itself.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_noop
from django.views import View

from gateway import arriving, grants, persons
from gateway.conf import conf
from gateway.person import account_asked, account_people, consent
from gateway.person.account import AccountPage, NotTheirs, too_often
from gateway.person.account_asked import Asked
from gateway.person.orders import MOMENT
from gateway.person.pages import spoken
from gateway.person.visiting import VisitPage
from interventions import reaching
from interventions.translation import words
from interventions.weblinks import parse

PRESENCE = "agentic_presence"
"""The cookie by which we know a browser again; no page reads it, and it signs nobody in."""
PRESENCE_SECONDS = 90 * 24 * 3600
SHORTEST_SECRET = 40
NEWS_PER_MINUTE = 900
"""How often one person's pages ask in any minute: many tabs on many devices."""

SAME = gettext_noop("Nothing of your agents waits for you.")
ONE = gettext_noop("One request of your agents waits for you.")
MANY = gettext_noop("%(count)s requests of your agents wait for you.")
OPEN_IT = gettext_noop("Open it")


class WaitingPage(AccountPage):
    here = "account"

    def shown(self, request: HttpRequest, **kept: str) -> HttpResponse:
        items = account_asked.waiting(self.person.id)
        who = account_people.all_of(asked.owner for asked in items)
        rows = [(asked, who[asked.owner], account_asked.address_of(asked)) for asked in items]
        moment = words(self.language(request))(MOMENT)
        context = {"rows": rows, "moment": moment, "known": account_asked.version_of(items)}
        return self.show(request, "account", context)

    def taken(self, request: HttpRequest, **kept: str) -> HttpResponse:
        """On to the page of the call without its agent's code, which counts as used then: whoever has the
        code as well cannot come first and keep the person out (AA-055)."""
        wanted = request.POST.get("grant", "")
        asked = next((one for one in account_asked.waiting(self.person.id) if one.id == wanted), None)
        if asked is None or not asked.is_grant:
            raise NotTheirs
        try:
            return consent.decide_here(request, asked.id, self.person.id)
        except (grants.Over, grants.NotTheirs, arriving.ArrivalError):
            return self.sent_on(request.path)  # the list says what still waits


class News(AccountPage):
    """JSON, for the script of a page of ours or of the merchant's."""

    http_method_names = ["post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        # Past Django's check of forms, which a page of the merchant's need not have a token for.
        return View.dispatch(self, request, *args, **kwargs)

    def post(self, request: HttpRequest, **kept: str) -> HttpResponse:
        person = persons.persons().signed_in(request) if _is_ours(request) else None
        if person is None:
            return spoken({"signed_in": False}, 403)
        self.person = person
        if seconds := too_often(person, "news", NEWS_PER_MINUTE):
            response = spoken({"wait": seconds}, 429)
            response.headers["Retry-After"] = str(seconds)
            return response
        browser = request.COOKIES.get(PRESENCE, "")
        if len(browser) < SHORTEST_SECRET:
            browser = secrets.token_urlsafe(32)
        reaching.seen(person.id, browser)
        items = account_asked.waiting(person.id)
        response = spoken(self.told(request, items))
        # Whoever signs people out has to see it, to end what it says (`reaching.left`).
        VisitPage.keep(response, PRESENCE, browser, "/", PRESENCE_SECONDS)
        return response

    def told(self, request: HttpRequest, items: list[Asked]) -> dict[str, Any]:
        """What the script shows; next to nothing when it knows it already, so that this is cheap."""
        version = account_asked.version_of(items)
        if request.headers.get("X-Known") == version:
            return {"version": version, "same": True}
        say = words(self.language(request))
        told: dict[str, Any] = {
            "version": version,
            "waiting": len(items),
            "told": say(MANY) % {"count": len(items)} if len(items) > 1 else say(ONE if items else SAME),
            "title": "",
            "open": say(OPEN_IT),
            "url": reverse("agentic:account"),
        }
        if items:
            newest = items[-1]
            who = account_people.all_of((newest.owner,))
            told["title"] = say(newest.title) % account_asked.title_of(newest, who)
            if len(items) == 1:
                told["url"] = account_asked.address_of(newest) or told["url"]
        return told


def _is_ours(request: HttpRequest) -> bool:
    """A script of this origin has sent it: a foreign page cannot set the header without being allowed to,
    which nobody is, and no page can say that it is another (T46)."""
    if "X-Known" not in request.headers:
        return False
    try:
        return parse(request.headers.get("Origin", "")).origin == parse(conf().PUBLIC_URL).origin
    except ValueError:
        return False
