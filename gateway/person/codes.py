"""The page of a one-time code: the buyer enters it themselves, and the agent never sees it.

GET   .../confirm/<ticket>/code      what is bought, where the code went, and a field; changes nothing
POST  .../confirm/<ticket>/code      the code; or send another one; or stop

It counts and compares as when the agent passes the code on, and whoever is first decides.
"""

from __future__ import annotations

import math
import secrets
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from checkout import responses
from gateway import keys
from gateway.person import ends
from gateway.person.visiting import VisitPage
from interventions import services, visits
from interventions.models import Intervention
from interventions.moves import PERSON
from interventions.negotiation import Kind
from interventions.outcomes import Answer
from interventions.providers import otp
from interventions.states import OPEN

ATTEMPT = "one attempt at the page of a one-time code"
LONGEST_SUBMISSION = 64

EMPTY = gettext_noop("Enter the code from the message.")
MALFORMED = gettext_noop("A code has six to eight digits. Enter all of them, as in the message.")
WRONG = gettext_noop("That is not the code of the newest message. Compare the digits and try again.")
TOO_LATE = gettext_noop("That code is out of time. Have a new one sent below.")
NOT_SENT = gettext_noop("No new code can be sent yet. Wait a moment, and look among unwanted messages.")


@method_decorator(sensitive_post_parameters("code"), name="dispatch")
class CodePage(VisitPage):
    """The question, and three answers: the code, another one, stop."""

    kinds = frozenset({Kind.OTP})
    view = "confirm_code"

    def ask(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        return self.asked(request, row)

    def decide(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        self.browser(request, row)
        again = request.POST.get("answer") == "again"
        return self.sent_again(request, row) if again else self.judged(request, row)

    @sensitive_variables("code")
    def judged(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        """What the code came to; it is on no page again."""
        code = request.POST.get("code", "")
        if not code.strip():
            return self.asked(request, row, wrong=EMPTY)
        answered = services.answer(
            row.subject, Kind.OTP, code, claim=self.claim(request, row, code), actor=PERSON, only=row.pk
        )
        after = visits.look(row.pk)
        if after.state not in OPEN:
            self.tell(after)
            return self.end(request, ends.of(after.state))
        if after.attempts_left == 0:  # the last one is being judged at this moment
            return self.end(request, ends.FAILED)
        return self.asked(request, after, wrong=_WORDS.get(answered.outcome, WRONG))

    def sent_again(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        """A new code is on its way, or why it is not."""
        sent = responses.resent(row.subject)
        after = self.found(request, self.ticket)
        return self.asked(request, after, sent=sent, unsent="" if sent else NOT_SENT)

    def asked(self, request: HttpRequest, row: Intervention, **said: Any) -> HttpResponse:
        """The question with what there is to say before it: `wrong` is about the code, `unsent` about
        the other one that was wanted, `sent` that it is on its way."""
        now = timezone.now()
        context = {
            "hint": row.hint,
            "minutes": self.minutes_left(row) if row.running(now) else 0,
            "attempts": row.attempts_left,
            "wait": _seconds_to(otp.next_send_at(row), now),
            "submission": secrets.token_urlsafe(16),
            **said,
        }
        return self.show(request, "confirm_code", context)

    @staticmethod
    @sensitive_variables("code", "read")
    def claim(request: HttpRequest, row: Intervention, code: str) -> str:
        """One form, sent twice with the same code, costs one attempt; with another code it is another."""
        submission = request.POST.get("submission", "")[:LONGEST_SUBMISSION]
        read = "".join(digit for digit in code if digit not in " -")
        return keys.digest("\0".join((row.pk, str(row.challenge), submission, read)).encode(), ATTEMPT)


_WORDS = {Answer.MALFORMED: MALFORMED, Answer.EXPIRED: TOO_LATE}


def _seconds_to(due_at: datetime | None, now: datetime) -> int | None:
    """How long that is from now, in seconds to be waited; None for never."""
    return None if due_at is None else max(0, math.ceil((due_at - now).total_seconds()))
