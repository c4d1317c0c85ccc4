"""The page on which a person asks their agent before they decide (AA-100).

GET   .../aauth/i/<slug>/ask    what was asked and answered, and a field; changes nothing
POST  .../aauth/i/<slug>/ask    the question goes to the agent, which answers when it asks how things stand

For the browser that has arrived, and nobody else. Answers are the agent's own words: shown as such, and
nothing is decided by them.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_post_parameters

from checkout.untrusted import visible
from gateway.arriving import Ended
from gateway.person import ends, forms
from gateway.person.calls import CallPage
from gateway.person.forms import Field, Filled
from interventions import clarifications, masking
from interventions.errors import AlreadyAsking, Invalid, NobodyAnswers, TakenElsewhere, TooManyRounds
from interventions.models import Clarification, Intervention
from interventions.negotiation import CODED
from interventions.ports import ports
from interventions.questions import LONGEST_ANSWER, NO_ANSWER, Outcome
from interventions.states import OPEN

LONGEST_QUESTION = 500

EMPTY = gettext_noop("Write what you want to know.")
A_SECRET = gettext_noop(
    "Your agent is never asked about codes, passwords or cards, and is sent no HTML. Ask in other words."
)
A_CODE = gettext_noop("This may be your one-time code. Never give it to your agent.")
NOBODY = gettext_noop("Your agent does not take questions at this moment.")

ASKED_BY = {
    Clarification.BUYER: gettext_noop("You asked:"),
    Clarification.OPERATOR: gettext_noop("The shop asked:"),
    Clarification.RULE: gettext_noop("The shop asked:"),
}


@dataclass(frozen=True, slots=True)
class Round:
    """A question and what came of it, fit for a person's eyes."""

    by: str
    question: str
    state: str
    answer: str


@method_decorator(sensitive_post_parameters("question"), name="dispatch")
class AskPage(CallPage):
    """What was said, and room for more."""

    def ask(self, request: HttpRequest) -> HttpResponse:
        return self.elsewhere(request) or self.shown(request, forms.filled(self.fields, {}))

    def taken(self, request: HttpRequest) -> HttpResponse:
        if elsewhere := self.elsewhere(request):
            return elsewhere
        form = forms.typed(self.fields, request.POST)
        if form.wrong:
            return self.shown(request, form)
        try:
            clarifications.ask(
                self.call.subject,
                form.values["question"],
                source=Clarification.BUYER,
                # Its silence keeps the person from nothing.
                outcomes={NO_ANSWER: Outcome.CONTINUE},
            )
        except Invalid:
            return self.shown(request, form.but({"question": A_SECRET}))
        except NobodyAnswers:
            return self.shown(request, form.but({"question": NOBODY}))
        except (AlreadyAsking, TooManyRounds):
            pass  # the page says so
        return self.sent_on(request.path)

    def elsewhere(self, request: HttpRequest) -> HttpResponse | None:
        """What is shown to whoever cannot ask anything here."""
        call = self.call
        if not call.open:
            raise Ended(call.state)
        if self.topic is None:
            return self.end(request, ends.OVER)
        if call.here and (call.can_ask or clarifications.history(call.subject)):
            return None
        if call.taken and not call.here:
            raise TakenElsewhere
        return self.sent_on(self.start)

    def shown(self, request: HttpRequest, form: Filled) -> HttpResponse:
        history = clarifications.history(self.call.subject)
        question = self.question()
        context = {
            "form": form,
            "rounds": [_round(one) for one in history],
            "question": question,
            "can_ask": self.call.can_ask and not question,
            "left": clarifications.rounds_left(self.call.subject),
            "stands": self.stands(),
        }
        return self.show(request, "interaction_ask", context)

    @property
    def fields(self) -> tuple[Field, ...]:
        return (
            Field(
                "question",
                gettext_noop("Your question"),
                "off",
                missing=EMPTY,
                hint=gettext_noop(
                    "Never write a code, a password or the number of a card: your agent must not know them."
                ),
                longest=LONGEST_QUESTION,
                judge=self.judged,
            ),
        )

    def judged(self, text: str) -> str:
        """What is wrong with a question: while a code is under way, it may not be told on."""
        coded = Intervention.objects.filter(subject=self.call.subject, kind__in=CODED, state__in=OPEN)
        told = masking.without_codes(text, ports().rules.code_digits) != text
        return A_CODE if told and coded.exists() else ""


def _round(row: Clarification) -> Round:
    return Round(
        ASKED_BY[row.source],
        visible(row.question, longest=LONGEST_ANSWER, keep="\n"),
        row.state,
        visible(row.answer, longest=LONGEST_ANSWER, keep="\n"),
    )
