"""The page behind the code that an agent shows its person.

GET   .../aauth/i/<slug>             the code to compare, who asks, what is bought; changes nothing
POST  .../aauth/i/<slug>             continue: the code is used, and the browser is the person's; or stop
GET   .../aauth/i/<slug>             in that browser: on to what is asked next, or how it stands
GET   .../aauth/i/<slug>/standing    whether something has happened, for the script of a page that waits

A code proves nothing, because the agent knows it: whatever there is to confirm is asked on a page of its
own (AA-054). The page takes `code` and `callback`, whoever sends the person (AA-070).
"""

from __future__ import annotations

import logging
import secrets
from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from checkout import handoffs
from checkout.errors import CheckoutError
from gateway import agents, contacts
from gateway.arriving import Busy, Ended, Unknown, WrongCode
from gateway.person import asked_next, consent, consent_ends, ends, misses
from gateway.person.calls import ARRIVAL, CallPage
from gateway.person.ends import End
from gateway.person.pages import spoken
from gateway.person.visiting import BROWSER_SECONDS
from interventions import visits
from interventions.errors import InterventionError, NotFound, Over, TakenElsewhere
from interventions.models import Intervention
from interventions.negotiation import HANDOFF
from interventions.translation import words

log = logging.getLogger("agentic.person")

LONGEST_CODE = 64

EMPTY = gettext_noop("Enter the code that your agent shows you.")
MALFORMED = gettext_noop("A code has eight letters and digits. Enter all of them.")
WRONG = gettext_noop("That code is not right. Attempts left: %(left)s.")


@method_decorator(sensitive_post_parameters("code", "visit"), name="dispatch")
class InteractionPage(CallPage):
    """The first question, and the way to the others."""

    def ask(self, request: HttpRequest) -> HttpResponse:
        call, code = self.call, request.GET.get("code", "")
        if not call.open:
            raise Ended(call.state)
        if self.topic is None:
            return self.end(request, ends.OVER)
        if call.here and (call.taken or not code):
            row = asked_next.row_of(call.subject)
            return self.go_on(request, row) if row else self.wait(request)
        if call.taken:
            raise TakenElsewhere
        return self.first(request, code, request.GET.get("callback", ""))

    @sensitive_variables("code", "browser")
    def taken(self, request: HttpRequest) -> HttpResponse:
        call = self.call
        if not call.open:
            raise Ended(call.state)
        if call.taken and not call.here and not self.comes_twice(request):
            raise TakenElsewhere
        code, callback = request.POST.get("code", "")[:LONGEST_CODE], request.POST.get("callback", "")
        if not self.saw(request):
            self.changed = True
            return self.first(request, code, callback, status=409)
        if not call.here and not self.desk.shown(code):
            return self.first(request, "", callback, wrong=MALFORMED if code.strip() else EMPTY)
        browser = request.COOKIES.get(ARRIVAL, "") if call.here else self.visitor(request)
        try:
            self.now(request, self.desk.arrive(call.slug, browser, code, callback))
        except WrongCode as wrong:
            if seconds := misses.missed(request):
                response = self.end(request, ends.TOO_MANY_MISSES)
                response.headers["Retry-After"] = str(seconds)
                return response
            said = words(self.language)(WRONG) % {"left": wrong.left}
            return self.first(request, "", callback, wrong=said)
        self.entered_as = browser
        return self.decide(request)

    def decide(self, request: HttpRequest) -> HttpResponse:
        """The person has arrived, and goes on; or wants to hear more from the agent; or stops."""
        if consent.foreigner(request, self.topic):
            return self.stop(request, consent_ends.FOREIGN)
        match request.POST.get("answer"):
            case "stop":
                return self.stop(request)
            case "ask" if self.call.can_ask:
                return self.sent_on(f"{self.start}/ask")
        row = asked_next.row_of(self.call.subject)
        if row is not None:
            try:
                return self.go_on(request, row)
            except (Over, NotFound):
                log.info("what was asked ended while its person arrived")
        return self.sent_on(self.start)

    def stop(self, request: HttpRequest, end: End | None = None) -> HttpResponse:
        """The person does not want it: first the call, which is never carried out, then what is asked. `end`
        is told instead of how calls end."""
        try:
            self.now(request, self.desk.decline(self.call.slug, self.entered_as))
        except Busy:
            return self.sent_on(self.start)
        if row := asked_next.row_of(self.call.subject):
            self.refuse(request, row)
        return self.end(request, end) if end else self.ended(request, self.call.state)

    def refuse(self, request: HttpRequest, row: Intervention) -> None:
        if row.kind != HANDOFF:
            super().refuse(request, row)
            return
        try:
            secret = self.secret(request, row)
            visits.enter(row.pk, secret)
            handoffs.refuse(row.pk, secret)
        except (InterventionError, CheckoutError) as problem:
            log.info("a handoff was not refused with its call: %s", type(problem).__name__)

    def wait(self, request: HttpRequest) -> HttpResponse:
        """Nothing is asked of the person at this moment."""
        context = {
            "approval": asked_next.awaits_approval(self.call.subject),
            "question": self.question(),
            "stands": self.stands(),
            "can_ask": self.call.can_ask,
        }
        return self.show(request, "interaction_waiting", context)

    @sensitive_variables("code")
    def first(
        self, request: HttpRequest, code: str, callback: str, *, wrong: str = "", status: int = 200
    ) -> HttpResponse:
        """The code to compare, or a field for it; who asks, for what, and what comes next."""
        row = asked_next.row_of(self.call.subject)
        approval = row is None and asked_next.awaits_approval(self.call.subject)
        agent = agents.of_owner(self.call.owner)
        context: dict[str, Any] = {
            "code": self.desk.shown(code),
            "wrong": wrong or (MALFORMED if code and not self.desk.shown(code) else ""),
            "callback": self.desk.judged(self.call.slug, callback),
            "visit": self.visit(request),
            "agent": agent,
            "vouched_by": agents.vouched_by(agent) if agent else "",
            "purpose": contacts.purpose(self.call.owner),
            "next": asked_next.TOLD[row.kind] if row else asked_next.LATER,
            "approval": approval,
            "can_ask": self.call.can_ask,
        }
        return self.show(request, "interaction", context, status)

    @property
    def language(self) -> str:
        return self.topic.language if self.topic else "en"

    def visit(self, request: HttpRequest) -> str:
        """What the form carries: the secret by which a browser will be the person's. A form that is sent
        twice is then sent by the same browser, also before it keeps our cookie."""
        secret = self.carried(request) or secrets.token_urlsafe(32)
        return signing.dumps(secret, salt=self.salt)

    def visitor(self, request: HttpRequest) -> str:
        """The secret of the form, or a fresh one for a form that lay about for too long."""
        return self.carried(request) or secrets.token_urlsafe(32)

    def carried(self, request: HttpRequest) -> str:
        try:
            given = request.POST.get("visit", "")
            return str(signing.loads(given, salt=self.salt, max_age=BROWSER_SECONDS)) if given else ""
        except signing.BadSignature:
            return ""

    def comes_twice(self, request: HttpRequest) -> bool:
        """The form of the browser that has arrived, sent once more."""
        secret = self.carried(request)
        return bool(secret) and self.desk.look(self.call.slug, secret).here

    @property
    def salt(self) -> str:
        return f"arrival at {self.call.slug}"


class InteractionStanding(CallPage):
    """For the script of a page that waits. A word without a meaning, for the person's browser."""

    http_method_names = ["get", "head"]

    def answered(self, request: HttpRequest, slug: str, answer: Any) -> HttpResponse:
        try:
            self.now(request, self.desk.look(slug, request.COOKIES.get(ARRIVAL, "")))
        except Unknown:
            misses.missed(request)
        here = self.waiting is not None and self.waiting.here
        return spoken({"stands": self.stands() if here else ""}, 200 if here else 404)
