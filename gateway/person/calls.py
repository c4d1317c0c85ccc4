"""What the pages of a call share that waits for its person: who may see them, and how they end.

The person came by a code that their agent showed them. Which browser is theirs says a cookie that is sent
to these pages alone; the pages of single questions (`visiting`) have cookies of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from checkout.models import CheckoutSession, Order
from checkout.states import SessionState
from gateway import arriving, intake, keys
from gateway.arriving import Desk, Ended, Unknown, Waiting
from gateway.person import arrival_ends, asked_next, ends, misses, topic
from gateway.person.ends import End
from gateway.person.pages import FormPage
from gateway.person.topic import Topic
from gateway.person.visiting import ARRIVED, BROWSER, BROWSER_SECONDS, VisitPage
from interventions import clarifications, visits
from interventions.errors import InterventionError, TakenElsewhere
from interventions.models import Intervention
from interventions.weblinks import parse

ARRIVAL = "agentic_arrival"
VISIT = "browser at the page of a question"

Answering = Callable[[HttpRequest], HttpResponse]


class CallPage(FormPage):
    """A page of one call. `waiting` is how it stands."""

    waiting: Waiting | None = None
    topic: Topic | None = None
    changed = False
    entered_as = ""
    """The secret by which this browser is the person's, once it has arrived."""
    over = False

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self.answered(request, slug, self.ask)

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self.answered(request, slug, self.taken)

    def ask(self, request: HttpRequest) -> HttpResponse:
        """What there is to see. Changes nothing (T42)."""
        raise NotImplementedError

    def taken(self, request: HttpRequest) -> HttpResponse:
        """The person's answer."""
        raise NotImplementedError

    def answered(self, request: HttpRequest, slug: str, answer: Answering) -> HttpResponse:
        """`answer`, or the page that says why there is none."""
        response = self.answer_or_end(request, slug, answer)
        if self.waiting is None:
            return response
        if self.over:
            response.delete_cookie(ARRIVAL, path=self.start, samesite="Lax")
        elif browser := self.entered_as or (request.COOKIES.get(ARRIVAL, "") if self.waiting.here else ""):
            # As long as the call may wait: the person is on other pages meanwhile.
            seconds = max(BROWSER_SECONDS, math.ceil(self.waiting.seconds_left))
            VisitPage.keep(response, ARRIVAL, browser, self.start, seconds)
        return response

    def answer_or_end(self, request: HttpRequest, slug: str, answer: Answering) -> HttpResponse:
        try:
            intake.check_target(request)
            self.now(request, self.desk.look(slug, request.COOKIES.get(ARRIVAL, "")))
            return answer(request)
        except (intake.IntakeError, Unknown):
            return misses.told(request, self.end)
        except Ended as ended:
            return self.ended(request, ended.state)
        except TakenElsewhere:
            return self.end(request, ends.ELSEWHERE)

    @property
    def desk(self) -> Desk:
        return arriving.desk()

    @property
    def call(self) -> Waiting:
        assert self.waiting is not None, "it was looked at"
        return self.waiting

    @property
    def start(self) -> str:
        """The address that the agent was given."""
        return reverse("agentic:interaction", args=(self.call.slug,))

    def now(self, request: HttpRequest, waiting: Waiting) -> None:
        """The page goes on with the call as it is now."""
        self.waiting, self.topic = waiting, topic.of(waiting.subject, request)

    def question(self) -> bool:
        """The agent is being asked something."""
        return clarifications.open_of(self.call.subject) is not None

    def stands(self) -> str:
        """How everything stands, in a word that differs as soon as something has happened."""
        call = self.call
        row = asked_next.row_of(call.subject) if call.open else None
        said = len([one for one in clarifications.history(call.subject) if one.state != one.OPEN])
        approval = call.open and asked_next.awaits_approval(call.subject)
        return f"{call.state}-{row.kind if row else ''}-{approval:d}-{self.question():d}-{said}"

    def go_on(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        """On to the page of that question. A POST makes this browser the one that answers it."""
        path = asked_next.page_of(row)
        response = self.sent_on(path)
        secret = self.secret(request, row)
        try:
            if request.method == "POST" and not row.browser_digest:
                row = visits.enter(row.pk, secret)
        except TakenElsewhere:
            return response
        if not row.browser_digest or visits.is_of(row, secret):
            VisitPage.keep(response, BROWSER, secret, path)
        # Else it is another browser's, or this one has had another secret there: that page knows.
        return response

    def secret(self, request: HttpRequest, row: Intervention) -> str:
        """By which this browser is the person at that question: the same however often it is asked for, and
        nothing that the browser itself was told before."""
        arrived = self.entered_as or request.COOKIES.get(ARRIVAL, "")
        made = [ARRIVED + digest for digest in keys.digests(f"{arrived}\0{row.pk}".encode(), VISIT)]
        return next((secret for secret in made if visits.is_of(row, secret)), made[0])

    def refuse(self, request: HttpRequest, row: Intervention) -> None:
        """What is asked is refused too; it ends by itself where that fails."""
        try:
            secret = self.secret(request, row)
            visits.enter(row.pk, secret)
            VisitPage.tell(visits.refuse(row.pk, secret))
        except InterventionError:
            return

    def ended(self, request: HttpRequest, state: str) -> HttpResponse:
        """The call has ended: back to the agent, where its provider has registered the way, or the page
        that says how it ended."""
        here = self.call.here or bool(self.entered_as)
        if here and self.call.callback:
            return self.back_to_agent(self.call.callback, state)
        given = "" if self.call.taken else request.GET.get("callback", "")
        if state in arrival_ends.ERRORS and (callback := self.desk.judged(self.call.slug, given)):
            return self.back_to_agent(callback, state)
        session = CheckoutSession.objects.filter(pk=self.call.subject).first()
        bought = session is not None and session.state == SessionState.COMPLETED
        end = arrival_ends.of(state, bought=bought)
        order = Order.objects.filter(session_id=self.call.subject).first() if bought and here else None
        return self.end(request, end, order, status=end.status if here else 410)

    def back_to_agent(self, callback: str, state: str) -> HttpResponse:
        """Nothing of ours goes with the browser but how it ended (AA-074, AA-075)."""
        self.over = True
        error = arrival_ends.ERRORS.get(state, "")
        if error:
            callback += f"{'&' if '?' in callback else '?'}error={error}"
        response = HttpResponseRedirect(callback)
        response.status_code = 303
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    def end(
        self, request: HttpRequest, end: End, order: Order | None = None, *, status: int = 0
    ) -> HttpResponse:
        """A page without a question."""
        end = topic.worded(end, self.topic)
        self.over = self.over or end.last
        context = {"end": end, "order": order}
        language = self.topic.language if self.topic else ""
        return self.page(request, "handoff_end", context, status or end.status, language=language)

    def show(
        self, request: HttpRequest, name: str, context: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        """A page with what it is about on it."""
        callback = context.get("callback") or self.call.callback
        known = {
            "start": self.start,
            "asking": reverse("agentic:interaction_ask", args=(self.call.slug,)),
            "standing": reverse("agentic:interaction_standing", args=(self.call.slug,)),
            **topic.context(self.topic),
            "seen": self.topic.digest if self.topic else "",
            "changed": self.changed,
            "minutes": max(1, round(self.call.seconds_left / 60)),
        }
        return self.page(
            request,
            name,
            known | context,
            status,
            goes_to=(parse(callback).origin,) if callback else (),
            asks=("'self'",),
            language=self.topic.language if self.topic else "",
        )

    def saw(self, request: HttpRequest) -> bool:
        """The form was shown with what it is about as it is (T40)."""
        return self.topic is not None and keys.same(request.POST.get("seen", ""), self.topic.digest)
