"""The pages on which a person finishes a purchase that an agent has handed over, and the first of them.

GET   .../checkout/<ticket>            what is bought, for whom it is asked; changes nothing
POST  .../checkout/<ticket>            continue, in this browser from now on; or stop
      .../checkout/<ticket>/contact    and so on: one question on each page (`handoff_steps`)

Whatever a policy asks for besides has a page of its own, and leads back here. Nobody but the browser
that continued sees what was filled in, and nothing an agent sends reaches any of it (AJ-085).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from checkout import handoffs
from checkout.errors import CheckoutError, CompletionRunning, Invalid
from checkout.models import CheckoutSession, Order
from checkout.states import SessionState
from gateway import contacts
from gateway.person import ends, handoff_ends, handoff_steps, purchase
from gateway.person.ends import End
from gateway.person.handoff_steps import Step
from gateway.person.pay_terms import OURS_ALONE, Policy
from gateway.person.visiting import BROWSER, VisitPage
from interventions import visits
from interventions.errors import Over, TakenElsewhere
from interventions.models import Intervention
from interventions.moves import VOIDED
from interventions.negotiation import HANDOFF
from interventions.states import InterventionState

_CLOSED = {
    SessionState.COMPLETED: InterventionState.PASSED,
    SessionState.CANCELED: InterventionState.CANCELED,
    SessionState.EXPIRED: InterventionState.EXPIRED,
}


class HandoffPage(VisitPage):
    """One page of it. `self.session` is what is bought, as it stands."""

    kinds = frozenset({HANDOFF})
    view = "handoff"
    session: CheckoutSession

    def found(self, request: HttpRequest, ticket: str) -> Intervention:
        row = super().found(request, ticket)
        # One reading: what is judged as seen is what is paid.
        self.now(handoffs.session_of(row.pk))
        if end := _CLOSED.get(SessionState(self.session.state)):
            raise Over(end)
        return row

    def taken(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        """Whoever is not the person is told so first, whatever has changed meanwhile."""
        if row.browser_digest and not self.is_here(request, row):
            raise TakenElsewhere
        return super().taken(request, row)

    def now(self, session: CheckoutSession) -> None:
        """The page goes on with the session as it is now."""
        self.session, self.topic = session, purchase.of(session)

    def is_here(self, request: HttpRequest, row: Intervention) -> bool:
        """This browser is the one that goes on with it."""
        return visits.is_of(row, request.COOKIES.get(BROWSER, ""))

    def browser(self, request: HttpRequest, row: Intervention) -> str:
        """As at every visit, once for each request."""
        return self.entered_as or super().browser(request, row)

    def address(self, step: Step) -> str:
        """Where that question is asked."""
        return reverse(f"agentic:handoff_{step}", args=(self.ticket,))

    def next(self) -> HttpResponse:
        """On to the first question that has no answer, and to the payment after all of them."""
        paying = self.session.state == SessionState.COMPLETING
        step = None if paying else handoff_steps.missing(self.session)
        return self.sent_on(self.address(step or Step.PAYMENT))

    def show_first(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        """What is bought, and whether to go on."""
        context = {"here": self.start, "back": "", "purpose": contacts.purpose(row.owner)}
        return self.show_step(request, row, "handoff", context)

    def show_step(
        self,
        request: HttpRequest,
        row: Intervention,
        name: str,
        context: Mapping[str, Any],
        policy: Policy = OURS_ALONE,
    ) -> HttpResponse:
        shown = {
            "minutes": self.minutes_left(row),
            "here": self.here(),
            "partial": self.is_partial,
            **context,
        }
        return self.show(request, name, shown, scripts=policy.scripts, frames=policy.frames, asks=policy.asks)

    @property
    def is_partial(self) -> bool:
        return handoff_steps.is_partial(self.session)

    def here(self) -> str:
        """The address of this page, which its form goes to."""
        return self.start

    def stop(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        browser = self.browser(request, row)
        try:
            handoffs.refuse(row.pk, browser)
        except CompletionRunning:
            return self.next()
        return self.end(request, handoff_ends.STOPPED)

    def changed_by(
        self, request: HttpRequest, row: Intervention, changes: Mapping[str, Any], *, asks: bool = False
    ) -> Invalid | None:
        """The session has the changes, and the page knows what they came to; or why they were not made.
        A code is sent only when it `asks`, and not with every change.

        Raises Over when the purchase has ended meanwhile.
        """
        try:
            self.now(handoffs.change(row.pk, self.browser(request, row), changes, asks=asks))
        except Invalid as problem:
            return problem
        except CompletionRunning:
            self.now(handoffs.session_of(row.pk))
        except CheckoutError:
            raise Over(InterventionState.CANCELED) from None
        return None

    def ended(self, request: HttpRequest, state: str) -> End:
        row = self.row
        void = (
            row is not None
            and row.state == InterventionState.CANCELED
            and row.moves.filter(note=VOIDED).exists()
        )
        end = handoff_ends.of(state, void=void)
        if end is handoff_ends.ALREADY and row is not None and self.is_here(request, row):
            return handoff_ends.DONE
        return end

    def end(self, request: HttpRequest, end: End) -> HttpResponse:
        end = handoff_ends.ELSEWHERE if end is ends.ELSEWHERE else end
        self.over = end.last
        if self.over and (back := self.back_to_call(request)):
            return back
        order = None
        if self.row is not None and end in (handoff_ends.DONE, handoff_ends.ALREADY):
            order = Order.objects.filter(session_id=self.row.subject).first()
        return self.show(request, "handoff_end", {"end": end, "order": order}, end.status)


class ReviewPage(HandoffPage):
    """The first page: what an agent has put together, and for whom it says it acts."""

    def ask(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        if self.session.state == SessionState.COMPLETING and self.is_here(request, row):
            return self.next()
        return self.show_first(request, row)

    def decide(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        self.browser(request, row)
        self.changed_by(request, row, {})  # what policies ask of a person who is here
        return self.next()


class StepPage(HandoffPage):
    """A page below the first: for the browser that continued there, and for nobody else."""

    step: ClassVar[Step]

    def ask(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        if not self.is_here(request, row):
            if row.browser_digest:
                raise TakenElsewhere
            return self.show_first(request, row)
        if (elsewhere := self.elsewhere()) is not None:
            return elsewhere
        return self.question(request, row)

    def decide(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        if not self.is_here(request, row):
            raise TakenElsewhere
        if (elsewhere := self.elsewhere()) is not None:
            return elsewhere
        return self.answer(request, row)

    def elsewhere(self) -> HttpResponse | None:
        """The way to the page that is due before this one can be, or in place of it."""
        if self.session.state == SessionState.COMPLETING:
            return None if self.step == Step.PAYMENT else self.next()
        if self.step not in handoff_steps.asked(self.session):
            return self.next()
        due = self.due()
        return self.sent_on(self.address(due)) if due else None

    def here(self) -> str:
        return self.address(self.step)

    def due(self) -> Step | None:
        """The question that has to be answered before this one."""
        return handoff_steps.missing(self.session, before=self.step)

    def question(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        raise NotImplementedError

    def answer(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        raise NotImplementedError

    def back(self) -> str:
        """The page before this one."""
        steps = handoff_steps.asked(self.session)
        at = steps.index(self.step) if self.step in steps else 0
        return self.address(steps[at - 1]) if at else self.start
