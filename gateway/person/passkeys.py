"""The page on which a person confirms with the passkey in their own device.

GET   .../confirm/<ticket>/passkey            what it is about, and what to do next; changes nothing
POST  .../confirm/<ticket>/passkey            continue, send a code, bring it; or stop
POST  .../confirm/<ticket>/passkey/options    what the script hands to the device
POST  .../confirm/<ticket>/passkey/proof      what the device answered
GET   .../confirm/<ticket>/passkey/status     how it stands, for a page that only watches

The first browser that continues is the one that confirms, so the code for a phone's camera stands on
the page before that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import segno
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_variables

from checkout import contact_proof
from gateway import intake, keys, links
from gateway.person import ends
from gateway.person.ends import End
from gateway.person.pages import spoken
from gateway.person.visiting import BROWSER, VisitPage
from gateway.strict_json import BadJSON
from interventions import devices, translation, visits
from interventions.devices import Step
from interventions.errors import TakenElsewhere, Unproven
from interventions.models import Intervention
from interventions.negotiation import Kind
from interventions.outcomes import Answer, Answered
from interventions.services import Snapshot

LONGEST_ANSWER = 32 * 1024

UNAVAILABLE = End(
    gettext_noop("Passkeys cannot be used here"),
    (
        gettext_noop("Browsers offer no passkeys at the address of this shop. Nothing was charged."),
        gettext_noop("Go back to your agent: it can tell you how the purchase stands."),
    ),
    status=503,
)
UNREADABLE = End(gettext_noop("We could not use that answer"), (), status=400)

LIMITED = gettext_noop("No new code can be sent now. Wait a few minutes before you ask again.")
MALFORMED = gettext_noop("A code has six to eight digits.")
WRONG = gettext_noop("That code is not right. Attempts left: %(left)s.")
LAST = gettext_noop("That code is not right, and that was the last attempt.")
LATE = gettext_noop("That code has expired. Ask for a new one.")
CHANGED = gettext_noop("The purchase has changed. Nothing was confirmed.")
UNPROVEN = gettext_noop("Your device's answer could not be used. Attempts left: %(left)s.")


Answering = Callable[[HttpRequest, Intervention], HttpResponse]


class PasskeyPage(VisitPage):
    """The question, in the steps that it takes."""

    kinds = frozenset({Kind.BIOMETRIC})
    view = "passkey"

    def page(self, *given: Any, **members: Any) -> HttpResponse:
        response = super().page(*given, **members)
        response.headers["Content-Security-Policy"] += "; connect-src 'self'"
        return response

    def answered(self, request: HttpRequest, ticket: str, answer: Answering) -> HttpResponse:
        def offered(request: HttpRequest, row: Intervention) -> HttpResponse:
            return answer(request, row) if devices.offered(row) else self.end(request, UNAVAILABLE)

        return super().answered(request, ticket, offered)

    def ask(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        if not row.browser_digest:
            return self.first(request, row)
        try:
            visits.entered(row.pk, request.COOKIES.get(BROWSER, ""))
        except TakenElsewhere:
            return self.show(request, "passkey_elsewhere", {}, ends.ELSEWHERE.status)
        return self.next(request, row)

    def decide(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        match request.POST.get("answer"):
            case "send":
                return self.send(request, row)
            case "again":
                return self.send(request, row, again=True)
            case "code":
                return self.judge(request, row)
        self.browser(request, row)
        response = HttpResponseRedirect(self.start)
        response.status_code = 303
        return response

    def end(self, request: HttpRequest, end: End) -> HttpResponse:
        """The script confirms, and the page is shown anew: whoever confirmed is told so then."""
        if end is ends.ALREADY and self.row and visits.is_of(self.row, request.COOKIES.get(BROWSER, "")):
            end = ends.DONE
        return super().end(request, end)

    def first(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        link = links.person_page(row.kind, row.pk)
        context = {"minutes": self.minutes_left(row), "link": link, "camera": _camera(link)}
        return self.show(request, "passkey", context)

    def next(
        self,
        request: HttpRequest,
        row: Intervention,
        problem: str = "",
        **values: object,
    ) -> HttpResponse:
        step = devices.step(row)
        told = self.words(problem) % values if problem else ""
        context = {"step": step, "minutes": self.minutes_left(row), "problem": told}
        if step == Step.CONFIRM:
            context |= {"contact": devices.contact_hint(row), "sent": contact_proof.standing(row)}
        return self.show(request, "passkey_step", context)

    def send(self, request: HttpRequest, row: Intervention, *, again: bool = False) -> HttpResponse:
        visits.entered(row.pk, request.COOKIES.get(BROWSER, ""))
        sent: Snapshot = contact_proof.send(row, again=again)
        return self.next(request, row, LIMITED if sent.limited else "")

    @sensitive_variables("code")
    def judge(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        visits.entered(row.pk, request.COOKIES.get(BROWSER, ""))
        code = request.POST.get("code", "")
        verdict: Answered = contact_proof.judge(row, code)
        match verdict.outcome:
            case Answer.RIGHT:
                return self.next(request, row)
            case Answer.MALFORMED:
                return self.next(request, row, MALFORMED)
            case Answer.WRONG if verdict.attempts_left:
                return self.next(request, row, WRONG, left=verdict.attempts_left)
            case Answer.WRONG:
                visits.entered(row.pk, request.COOKIES.get(BROWSER, ""))  # the purchase may have ended by it
                return self.next(request, row, LAST)
            case _:
                return self.next(request, row, LATE)

    def words(self, text: str) -> str:
        return translation.words(self.topic.language if self.topic else "")(text)


class Spoken(PasskeyPage):
    """For the script of the page: answers in JSON, with the same words. What ends here is shown, and
    forgotten, by the page."""

    def saw(self, request: HttpRequest) -> bool:
        seen = request.headers.get("X-Seen", "")
        return self.topic is not None and keys.same(seen, self.topic.digest)

    def taken(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        if self.changed or not self.saw(request):
            return spoken({"problem": self.words(CHANGED), "over": True}, 409)
        return self.decide(request, row)

    def end(self, request: HttpRequest, end: End) -> HttpResponse:
        told = [self.words(end.heading) + ".", *(self.words(text) for text in end.told)]
        return spoken({"problem": " ".join(told), "over": not end.again}, end.status)


class PasskeyOptions(Spoken):
    http_method_names = ["post"]

    def decide(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        begun = devices.begin(row.pk, request.COOKIES.get(BROWSER, ""))
        return spoken({"step": begun.step, "options": begun.options})


class PasskeyProof(Spoken):
    http_method_names = ["post"]

    def decide(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        try:
            answer = intake.read_json(request, cap=LONGEST_ANSWER)
            after = devices.finish(row.pk, request.COOKIES.get(BROWSER, ""), answer)
        except (intake.IntakeError, BadJSON):
            return self.end(request, UNREADABLE)
        except Unproven:
            left = visits.look(row.pk).attempts_left
            return spoken({"problem": self.words(UNPROVEN) % {"left": left}, "over": False}, 422)
        self.tell(after)
        return spoken({"state": after.state})


class PasskeyStatus(Spoken):
    """How it stands, and nothing else: whoever has the link may know that much."""

    http_method_names = ["get", "head"]

    def ask(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        return spoken({"state": row.state, "over": False})


def _camera(link: str) -> SafeString:
    """The link as a picture for the camera of a phone."""
    drawn = segno.make_qr(link, error="m").svg_inline(scale=4, dark="#000", light="#fff")
    return mark_safe(drawn)  # noqa: S308  (squares, drawn by us)
