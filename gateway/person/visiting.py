"""What every page of an intervention shares: who may see it, in which browser, and how it ends."""

from __future__ import annotations

import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from gateway import arriving, intake, keys, subjects, tickets
from gateway.arriving import Beside
from gateway.conf import conf
from gateway.person import ends, handed_over, misses, topic
from gateway.person.ends import End
from gateway.person.pages import FormPage
from gateway.person.topic import Topic
from interventions import visits
from interventions.errors import NotFound, Over, ProviderSilent, StaleRound, TakenElsewhere
from interventions.models import Intervention
from interventions.states import OPEN

log = logging.getLogger("agentic.person")

BROWSER = "agentic_person"
BROWSER_SECONDS = 15 * 60
"""A browser that does nothing for so long is forgotten (T11)."""


ARRIVED = "arrived."
"""The secrets of browsers begin so that came by an agent's code: they go back to the page of its call."""


class Missed(NotFound):
    """The link was never made here; one that was made and leads nowhere any more is only NotFound."""


class VisitPage(FormPage, ABC):
    """A page of one intervention. A subclass says for which kinds, asks, and takes the answer.

    `ask` and `decide` get the row as it stands, open; what they raise of `interventions.errors` is
    shown as the page that says so. Every form carries `seen` (`agentic/form.html`): `decide` is for
    the purchase that the person saw; when it has changed, they are asked again (T40).
    """

    kinds: ClassVar[frozenset[str]]
    view: ClassVar[str]
    """The name under which `gateway.urls` knows the page where a visit starts."""

    ticket = ""
    row: Intervention | None = None
    """The intervention that the link was made for, as it stood, also when it is over."""
    entered_as = ""
    """The secret by which this browser is the person, once it has entered."""
    topic: Topic | None = None
    changed = False
    """What is asked about is not what the person saw."""
    over = False
    """The visit has ended; the browser keeps nothing of it."""

    @abstractmethod
    def ask(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        """The question. Changes nothing (T42)."""

    @abstractmethod
    def decide(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        """The person's answer, in this browser."""

    def get(self, request: HttpRequest, ticket: str) -> HttpResponse:
        return self.answered(request, ticket, self.ask)

    def post(self, request: HttpRequest, ticket: str) -> HttpResponse:
        return self.answered(request, ticket, self.taken)

    def taken(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        """The person's answer to what they saw; something else is shown first, and nothing is decided."""
        if self.changed or not self.saw(request):
            self.changed = True
            response = self.ask(request, row)
            response.status_code = 409
            return response
        stop = request.POST.get("answer") == "stop"
        return (self.stop if stop else self.decide)(request, row)

    def saw(self, request: HttpRequest) -> bool:
        """The form was shown with the purchase as it is."""
        return self.topic is not None and keys.same(request.POST.get("seen", ""), self.topic.digest)

    def answered(
        self,
        request: HttpRequest,
        ticket: str,
        answer: Callable[[HttpRequest, Intervention], HttpResponse],
    ) -> HttpResponse:
        """`answer`, or the page that says why there is none. A browser that has entered is recognised the
        next time whatever the answer says: else whoever has to start again would be locked out."""
        response = self.answer_or_end(request, ticket, answer)
        if self.over:
            self.forget(response)
        elif self.entered_as:
            self.keep_browser(response, self.entered_as)
        elif self.start and BROWSER in request.COOKIES and BROWSER not in response.cookies:
            self.keep_browser(response, request.COOKIES[BROWSER])
        return response

    def answer_or_end(
        self,
        request: HttpRequest,
        ticket: str,
        answer: Callable[[HttpRequest, Intervention], HttpResponse],
    ) -> HttpResponse:
        try:
            return answer(request, self.found(request, ticket))
        except (intake.IntakeError, Missed):
            return misses.told(request, self.end)
        except NotFound:
            return self.end(request, ends.UNKNOWN)
        except Over as over:
            return self.end(request, self.ended(request, over.state))
        except TakenElsewhere:
            return self.end(request, ends.ELSEWHERE)
        except StaleRound:
            return self.end(request, ends.STALE)
        except ProviderSilent:
            return self.end(request, ends.SILENT)

    def found(self, request: HttpRequest, ticket: str) -> Intervention:
        """The open intervention that the link was made for; when the purchase has changed since, the one
        that stands in its place now. Raises NotFound and Over."""
        intake.check_target(request)
        intervention_id = tickets.read(ticket)
        if intervention_id is None:
            raise Missed
        row = visits.look(intervention_id)
        if row.kind not in self.kinds:
            raise NotFound
        if heir := visits.heir(row):
            row, ticket, self.changed = heir, tickets.ticket(heir.pk), True
        self.ticket, self.row = ticket, row
        self.topic = self.about(request, row)
        if row.state not in OPEN or self.topic is None:
            raise Over(row.state)
        return row

    def about(self, request: HttpRequest, row: Intervention) -> Topic | None:
        """What stands above the question; None when it is gone."""
        return topic.of(row.subject, request)

    def stop(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        """The person does not want to buy this."""
        refused = visits.refuse(row.pk, self.browser(request, row))
        self.tell(refused)
        return self.end(request, ends.of(refused.state))

    def show(
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
    ) -> HttpResponse:
        """A page with the purchase above whatever it asks."""
        call = self.call(request)
        if call is not None:
            # In the end its forms lead to where the agent wants the person back.
            goes_to = (*goes_to, call.leads_to) if call.leads_to else goes_to
        known = {
            "ask_agent": _page_of(call, "interaction_ask") if call and call.can_ask else "",
            "call": _page_of(call),
            "ticket": self.ticket,
            **topic.context(self.topic),
            "start": self.start,
            "seen": self.topic.digest if self.topic else "",
            "changed": self.changed,
        }
        language = self.topic.language if self.topic else ""
        return self.page(
            request,
            name,
            known | context,
            status,
            goes_to=goes_to,
            frames=frames,
            scripts=scripts,
            asks=asks,
            language=language,
        )

    def ended(self, request: HttpRequest, state: str) -> End:
        """What a person reads who comes when it is over."""
        return ends.found(state, self.row.kind if self.row else "")

    def end(self, request: HttpRequest, end: End) -> HttpResponse:
        """A page without a question. What was one question of a purchase that the person finishes here
        leads on to the others, and whoever came by an agent's code goes back to the page of its call."""
        end = topic.worded(end, self.topic)
        self.over = end.last
        onward = handed_over.onward(self.row.subject) if self.over and self.row else ""
        if onward and request.method == "POST" and end in ends.YES:
            return self.sent_on(onward)
        if not onward and self.over and (back := self.back_to_call(request)):
            return back
        return self.ending(request, end, onward)

    def call(self, request: HttpRequest) -> Beside | None:
        """The call that waits for this person, when they came by its code."""
        browser = self.entered_as or request.COOKIES.get(BROWSER, "")
        came = self.row is not None and browser.startswith(ARRIVED)
        return arriving.beside(self.row.subject) if came and self.row else None

    def back_to_call(self, request: HttpRequest) -> HttpResponse | None:
        """After an answer, on to the page of the call, which knows what is next. A GET leads nowhere by
        itself: the two pages could send a browser back and forth."""
        call = self.call(request) if request.method == "POST" else None
        return self.sent_on(_page_of(call)) if call else None

    def ending(self, request: HttpRequest, end: End, onward: str) -> HttpResponse:
        """The page of that end; `onward` is where the purchase goes on, if it does."""
        return self.show(request, "visit_end", {"end": end, "onward": onward}, end.status)

    @property
    def start(self) -> str:
        """Where a visit starts; empty before its link was read."""
        return reverse(f"agentic:{self.view}", args=(self.ticket,)) if self.ticket else ""

    def browser(self, request: HttpRequest, row: Intervention) -> str:
        """The secret by which this browser is the person; whoever enters first is given a fresh one, so
        that none that somebody else knows is taken over (T10). Raises NotFound, Over, TakenElsewhere.

        It is kept with the answer, whatever that says.
        """
        given = request.COOKIES.get(BROWSER, "")
        with suppress(TakenElsewhere):
            visits.entered(row.pk, given)
            self.entered_as = given
            return given
        fresh = fresh_browser(given)
        visits.enter(row.pk, fresh)
        self.entered_as = fresh
        return fresh

    def keep_browser(self, response: HttpResponse, browser: str) -> None:
        """The browser is recognised at every page of this visit, and nowhere else (T11)."""
        self.keep(response, BROWSER, browser, self.start)

    def forget(self, response: HttpResponse) -> None:
        """The browser keeps nothing of this visit (T11)."""
        if self.start:
            response.delete_cookie(BROWSER, path=self.start, samesite="Lax")

    @staticmethod
    def keep(
        response: HttpResponse, name: str, value: str, path: str, seconds: int = BROWSER_SECONDS
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=seconds,
            path=path,
            secure=conf().PUBLIC_URL.startswith("https:"),
            httponly=True,
            samesite="Lax",
        )

    @staticmethod
    def tell(row: Intervention) -> None:
        """The session learns what the person did. It is on record already: where this fails, the relay
        does it a moment later, and the person need not know."""
        try:
            subjects.of(row.subject).settle(row.subject)
        except Exception as problem:
            log.warning("a session was not told at once: %s", type(problem).__name__)

    @staticmethod
    def minutes_left(row: Intervention) -> int:
        """How long the person has, in whole minutes; at least one."""
        if row.challenge_expires_at is None:
            return 1
        return max(1, round((row.challenge_expires_at - timezone.now()).total_seconds() / 60))


def fresh_browser(given: str) -> str:
    """A secret that nobody knows, in place of the one that a browser brought. It says as that one did
    whether an agent's code led here; whoever invents that is led to a page that does not know them."""
    return (ARRIVED if given.startswith(ARRIVED) else "") + secrets.token_urlsafe(32)


def _page_of(call: Beside | None, view: str = "interaction") -> str:
    return reverse(f"agentic:{view}", args=(call.slug,)) if call else ""
