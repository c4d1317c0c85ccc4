"""The page on which a person decides what their agent is granted (AA-212 to AA-215).

GET   .../confirm/<ticket>/consent    who asks, for what and for how long; changes nothing
POST  .../confirm/<ticket>/consent    allow it, ask the agent first, or do not allow it

Whoever decides is signed in to their account with the merchant; how long ago does not matter, because the
merchant's own session says what it is good for. A first yes makes the agent theirs, and theirs alone. What
they saw is part of the form, and so is who was signed in: a browser that somebody signs in as another person
meanwhile decides nothing.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from gateway import arriving, grants
from gateway.conf import conf
from gateway.person import consent_ends, consented, ends
from gateway.person.calls import ARRIVAL
from gateway.person.consented import Consent
from gateway.person.topic import Topic
from gateway.person.visiting import BROWSER_SECONDS, Missed, VisitPage
from gateway.person_models import Grant
from gateway.persons import Person, persons
from interventions.errors import Over
from interventions.models import Intervention
from interventions.moves import PERSON
from interventions.negotiation import CONSENT
from interventions.states import OPEN, InterventionState

FOREIGN = "another account"


class ConsentPage(VisitPage):
    """The question, and its answers."""

    kinds = frozenset({CONSENT})
    view = "consent"

    person: Person | None = None
    """Who is signed in."""
    foreign = False
    """The agent is not theirs, and cannot become so."""

    def found(self, request: HttpRequest, ticket: str) -> Intervention:
        if not conf().AAUTH_PERSON_SERVER:
            raise Missed
        return super().found(request, ticket)

    def about(self, request: HttpRequest, row: Intervention) -> Topic | None:
        grant = Grant.objects.filter(pk=row.subject).first()
        self.person = persons().signed_in(request)
        if grant is None:
            return None
        self.foreign = self.person is not None and consented.is_foreign(grant, self.person)
        return consented.of(grant, self.person, request.headers.get("Accept-Language", ""))

    def ask(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        if self.person is None:
            return self.sign_in(request)
        if self.foreign:
            return self.show(request, "consent_foreign", {"end": consent_ends.FOREIGN}, 403)
        call = self.call(request)
        context = {
            "account_name": self.person.name or self.person.email,
            "can_ask": bool(call and call.can_ask),
            "ask_agent": "",  # a button of its own here
            "minutes": self.minutes_left(row),
        }
        return self.show(request, "consent", context)

    def taken(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        if self.person is None:
            return self.sign_in(request)
        if self.foreign:
            self.browser(request, row)
            return self.refused(request, row)
        return super().taken(request, row)

    def decide(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        self.browser(request, row)
        match request.POST.get("answer"):
            case "allow":
                return self.decided(request, row, allowed=True)
            case "ask" if (call := self.call(request)) and call.can_ask:
                return self.sent_on(reverse("agentic:interaction_ask", args=(call.slug,)))
        return self.sent_on(self.start)

    def stop(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        self.browser(request, row)
        return self.decided(request, row, allowed=False)

    def decided(self, request: HttpRequest, row: Intervention, *, allowed: bool) -> HttpResponse:
        """What the person said is on record, or the page that says why it is not."""
        assert self.person is not None
        assert isinstance(self.topic, Consent)
        try:
            grants.decide(row.subject, self.person.id, allowed=allowed, seen=self.topic.content)
        except grants.Changed:
            self.topic, self.changed = self.about(request, row), True
            response = self.ask(request, row)
            response.status_code = 409
            return response
        except grants.NotTheirs:
            return self.refused(request, row)
        except grants.Over:
            row.refresh_from_db()
            raise Over(row.state if row.state not in OPEN else InterventionState.CANCELED) from None
        return self.end(request, ends.DONE if allowed else ends.DENIED)

    def refused(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        """Another account's agent: the answer is no, and nothing is told of whose it is."""
        grants.refuse(row.subject, actor=PERSON, note=FOREIGN)
        self.over = True
        return self.ending(request, consent_ends.FOREIGN, "")

    def sign_in(self, request: HttpRequest) -> HttpResponse:
        """To the merchant's own page, and back here. A form may lead to ours alone (its policy says so): to
        one that is elsewhere the person goes by a link."""
        path = persons().sign_in_url(self.start)
        if url_has_allowed_host_and_scheme(path, allowed_hosts=None):
            return self.sent_on(path)
        return self.show(request, "consent_sign_in", {"sign_in": path})


def decide_here(request: HttpRequest, grant_id: str, person: str) -> HttpResponse:
    """A person who is signed in opens what waits for them without the agent's code, which counts as used
    (AA-055, AA-214): the browser is theirs from now on, and is on its way to the page of the call.

    For a POST of our own pages. Raises grants.Over, grants.NotTheirs, and arriving.ArrivalError when nothing
    waits. No transaction may be open.
    """
    browser = secrets.token_urlsafe(32)
    grants.let_in(grant_id, person)
    waiting = arriving.desk().admit(grant_id, browser)
    start = reverse("agentic:interaction", args=(waiting.slug,))
    response = HttpResponseRedirect(start)
    response.status_code = 303
    response.headers["Cache-Control"] = "no-store"
    seconds = max(BROWSER_SECONDS, round(waiting.seconds_left))
    VisitPage.keep(response, ARRIVAL, browser, start, seconds)
    return response


def foreigner(request: HttpRequest, topic: Topic | None) -> bool:
    """Who is signed in there can never allow what the page shows."""
    if not isinstance(topic, Consent):
        return False
    person = persons().signed_in(request)
    grant: Any = Grant.objects.filter(pk=topic.grant_id).first() if person else None
    return person is not None and grant is not None and consented.is_foreign(grant, person)
