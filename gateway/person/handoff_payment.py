"""The last page of a purchase that was handed over: everything once more, and then it is paid.

GET   .../checkout/<ticket>/payment    what was filled in, with ways back to it; how it is paid
POST  .../checkout/<ticket>/payment    pay; or ask again for what was not confirmed; or stop

The same page sent twice pays once. What else a person must do is asked at a page of its own, before or
after, and leads back here.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_post_parameters

from checkout import handing_over, handoffs, pricing
from checkout.errors import (
    CheckoutError,
    CompletionRunning,
    InterventionRequired,
    NotAsShown,
    NothingBegun,
    ProviderUnavailable,
)
from checkout.handoffs import Asked
from checkout.payments.outcomes import Instrument
from checkout.states import SessionState
from gateway import keys, links, tickets
from gateway.person import handoff_steps, handoff_summary, paying
from gateway.person.handoff import StepPage
from gateway.person.handoff_steps import Step
from gateway.person.paying import PersonForm, Untaken
from interventions import translation
from interventions.errors import Over
from interventions.models import Intervention
from interventions.negotiation import Kind
from interventions.states import InterventionState

LONGEST_FORM = 64

SAID = {
    "payment_declined": gettext_noop(
        "The payment was not made, and nothing was charged. Try again, or with another card."
    ),
    "expired": gettext_noop("The time to confirm it was over, and nothing was charged. Try again."),
    "intervention_required": gettext_noop("You did not confirm it, and nothing was charged."),
    "rate_limited": gettext_noop("You were asked too often. Wait some minutes, then try again."),
}
"""What a session says to agents, in words for the person who is asked."""
SILENT = gettext_noop("The payment service does not answer now. Nothing was charged. Try again in a minute.")
AGAIN = frozenset({"intervention_required", "expired", "rate_limited"})
"""The person may be asked once more."""

NEXT = {
    Kind.OTP: gettext_noop("Next you enter a one-time code, which we send you."),
    Kind.BIOMETRIC: gettext_noop("Next you confirm it with a passkey, on this device or on your phone."),
    Kind.REDIRECT: gettext_noop("Next you confirm it at another page, and come back here."),
    Kind.WEBVIEW: gettext_noop("Next you confirm it in a form of another service."),
    Kind.THREE_DS: gettext_noop("Your bank wants to ask you first. You come back here."),
}

AGREED = "what the page of a payment showed"
DIGEST_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class Shown:
    """A row of the summary, with the page where it is changed; "" where it cannot be."""

    name: str
    lines: tuple[str, ...]
    page: str


@method_decorator(sensitive_post_parameters(), name="dispatch")
class PaymentPage(StepPage):
    step = Step.PAYMENT

    def question(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        return self.asked(request, row)

    def answer(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        if self.session.state == SessionState.COMPLETING:
            return self.next()
        if request.POST.get("answer") == "again":
            self.changed_by(request, row, {}, asks=True)
            asked = handoffs.asked(self.session)
            return self.sent_on(page_of(asked)) if asked else self.next()
        return self.paid(request, row)

    def paid(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        """What came of paying with what the form brought."""
        form = paying.form()
        if form is None or not self.session.quote["ready"]:
            return self.asked(request, row)
        if not keys.same(request.POST.get("agreed", ""), self.agreed()):
            return self.shown_again(request, row)
        try:
            instrument = self.given(request, form)
            if isinstance(instrument, Untaken):
                return self.asked(request, row, wrong=instrument)
            session = handoffs.pay(
                row.pk,
                self.browser(request, row),
                instrument,
                form=request.POST.get("form", "")[:LONGEST_FORM],
                shown=self.session.total,
                agreed=handing_over.binding(self.session),
            )
        except NotAsShown:
            self.now(handoffs.session_of(row.pk))
            return self.shown_again(request, row)
        except NothingBegun:
            return self.asked(request, row, wrong=Untaken(SILENT))
        except (CompletionRunning, InterventionRequired, ProviderUnavailable):
            session = handoffs.session_of(row.pk)
        except CheckoutError:
            raise Over(InterventionState.CANCELED) from None
        self.now(session)
        if session.state == SessionState.COMPLETED:
            return self.sent_on(self.start)
        if asked := handoffs.asked(session):
            return self.sent_on(page_of(asked))
        if session.state == SessionState.COMPLETING:
            return self.next()
        if due := handoff_steps.missing(session):
            return self.sent_on(self.address(due))
        self.changed = any(entry["code"] == "price_change" for entry in session.quote["problems"])
        return self.asked(request, row)

    def shown_again(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        """It is not what the form showed; nothing was charged."""
        self.changed = True
        response = self.asked(request, row)
        response.status_code = 409
        return response

    def given(self, request: HttpRequest, form: PersonForm) -> Instrument | Untaken:
        """What it is paid with. A provider that is silent here was not asked for money yet."""
        try:
            return form.instrument(self.session, request.POST.dict())
        except ProviderUnavailable:
            return Untaken(SILENT)

    def asked(self, request: HttpRequest, row: Intervention, wrong: Untaken | None = None) -> HttpResponse:
        """The page, as the purchase stands."""
        session = self.session
        asked = handoffs.asked(session)
        quote, form = session.quote, paying.form()
        context: dict[str, Any] = {"back": self.back(), "rows": self.rows(), "wrong": wrong}
        if asked is None and (due := handoffs.due(session)):
            context["asked"] = NEXT.get(Kind(due[0]), "")
            return self.show_step(request, row, "handoff_asked", context)
        if asked is not None:
            context |= {"asked": NEXT.get(Kind(asked.kind), ""), "page": page_of(asked)}
            return self.show_step(request, row, "handoff_asked", context)
        if session.state == SessionState.COMPLETING or quote.get("approval"):
            return self.show_step(
                request, row, "handoff_waiting", context | {"approval": quote.get("approval")}
            )
        context["notices"] = self.notices()
        if not quote["ready"]:
            again = any(entry["code"] in AGAIN for entry in quote["problems"])
            return self.show_step(request, row, "handoff_stuck", context | {"again": again})
        if form is None:
            return self.show_step(request, row, "handoff_unpayable", context)
        context |= {"pay": form, "submission": secrets.token_urlsafe(16), "agreed": self.agreed()}
        context |= form.shown(session)
        return self.show_step(request, row, "handoff_payment", context, form.policy)

    def notices(self) -> list[str]:
        """What came of the last try, and what keeps it from being paid, once each."""
        said = translation.words(self.topic.language if self.topic else "")
        found = [entry for entry in self.session.quote["problems"] if entry["level"] == "error"]
        texts = [
            said(SAID[entry["code"]]) if entry["code"] in SAID else pricing.wording(entry, said)
            for entry in found
        ]
        return list(dict.fromkeys(texts))

    def rows(self) -> list[Shown]:
        """What was filled in, each with the page where it is changed."""
        language = self.topic.language if self.topic else ""
        return [
            Shown(row.name, row.lines, self.page_for(row.step))
            for row in handoff_summary.rows(self.session, language)
        ]

    def page_for(self, step: Step | None) -> str:
        """Nothing can be changed while it is being paid, or where there is nothing else to choose."""
        fixed = step is None or self.session.state == SessionState.COMPLETING
        return "" if fixed or step not in handoff_steps.asked(self.session) else self.address(step)

    def agreed(self) -> str:
        """Short and keyed, for the form: what is bought, by whom, and where it goes."""
        bound = handing_over.binding(self.session).encode()
        return keys.digest(bound, AGREED)[:DIGEST_CHARACTERS]


def page_of(asked: Asked) -> str:
    """Where the person does what is asked, as a path of ours."""
    view = links.PERSON_PAGES[Kind(asked.kind)]
    return reverse(f"agentic:{view}", args=(tickets.ticket(asked.intervention_id),))
