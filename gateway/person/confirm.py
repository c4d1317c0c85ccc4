"""The page of an intervention: what is bought, one question, and the way to the provider.

GET   .../confirm/<ticket>           what it is about; changes nothing
POST  .../confirm/<ticket>           continue, to the provider's page; or stop
GET   .../confirm/<ticket>/return    back from the provider; a page that posts itself on
POST  .../confirm/<ticket>/return    the provider is asked, and the answer shown
"""

from __future__ import annotations

import logging
import secrets
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from checkout import responses
from gateway import intake, links, tickets
from gateway.conf import conf
from gateway.person import purchase
from gateway.person.pages import FormPage
from interventions import visits
from interventions.errors import NotFound, Over, ProviderSilent, StaleRound, TakenElsewhere
from interventions.models import Intervention
from interventions.states import OPEN, InterventionState

log = logging.getLogger("agentic.person")

BROWSER = "agentic_person"
ROUND = "agentic_round"
BROWSER_SECONDS = 24 * 3600
LONGEST_EVIDENCE = 4_096

BROUGHT = ("code", "state", "error", "iss")
"""What a provider sends back through the browser; nothing else is read."""

ENDS = {
    InterventionState.PASSED: ("confirm_done", 200),
    InterventionState.DENIED: ("confirm_denied", 200),
    InterventionState.EXPIRED: ("confirm_expired", 410),
}


class ConfirmPage(FormPage):
    """The question, and its two answers."""

    def get(self, request: HttpRequest, ticket: str) -> HttpResponse:
        return self.answered(request, ticket, self.ask)

    def post(self, request: HttpRequest, ticket: str) -> HttpResponse:
        stop = request.POST.get("answer") == "stop"
        return self.answered(request, ticket, self.stop if stop else self.leave)

    def answered(self, request: HttpRequest, ticket: str, answer: Any) -> HttpResponse:
        """`answer`, or the page that says why there is none."""
        try:
            intake.check_target(request)
            intervention_id = tickets.read(ticket)
            if intervention_id is None:
                raise NotFound
            response: HttpResponse = answer(request, ticket, intervention_id)
        except (intake.IntakeError, NotFound):
            return self.page(request, "confirm_unknown", {}, status=404)
        except Over as over:
            return self.ended(request, InterventionState(over.state))
        except TakenElsewhere:
            return self.page(request, "confirm_elsewhere", {}, status=410)
        except StaleRound:
            return self.page(request, "confirm_stale", {"ticket": ticket}, status=409)
        except ProviderSilent:
            return self.page(request, "confirm_silent", {"ticket": ticket}, status=503)
        return response

    def ask(self, request: HttpRequest, ticket: str, intervention_id: str) -> HttpResponse:
        row = visits.look(intervention_id)
        bought = purchase.of_session(row.subject)
        if row.state not in OPEN or bought is None or row.challenge_expires_at is None:
            return self.ended(request, InterventionState(row.state))
        provider = visits.provider_of(row)
        context = {
            "ticket": ticket,
            "purchase": bought,
            "provider": provider.name,
            "goes_to": [urlsplit(origin).netloc for origin in provider.origins],
            "minutes": max(1, round((row.challenge_expires_at - timezone.now()).total_seconds() / 60)),
        }
        return self.page(request, "confirm", context, goes_to=tuple(provider.origins))

    def leave(self, request: HttpRequest, ticket: str, intervention_id: str) -> HttpResponse:
        browser = _browser(request, intervention_id)
        away = visits.depart(intervention_id, browser, return_to=links.confirm_return(ticket))
        response = HttpResponseRedirect(away.url)
        response.status_code = 303
        remembered = signing.dumps({"state": away.state, **away.memory}, salt=ticket)
        _keep(response, BROWSER, browser, reverse("agentic:confirm", args=(ticket,)))
        _keep(response, ROUND, remembered, reverse("agentic:confirm_return", args=(ticket,)))
        return response

    def stop(self, request: HttpRequest, ticket: str, intervention_id: str) -> HttpResponse:
        browser = _browser(request, intervention_id)
        row = visits.refuse(intervention_id, browser)
        _tell(row.subject)
        return self.ended(request, InterventionState(row.state))

    def ended(self, request: HttpRequest, state: InterventionState) -> HttpResponse:
        name, status = ENDS.get(state, ("confirm_over", 410))
        return self.page(request, name, {}, status=status)


class ReturnPage(ConfirmPage):
    """The way back. The address bar is the provider's message; the POST is the person's browser."""

    def ask(self, request: HttpRequest, ticket: str, intervention_id: str) -> HttpResponse:
        brought = {name: request.GET[name][:LONGEST_EVIDENCE] for name in BROUGHT if name in request.GET}
        row: Intervention = visits.look(intervention_id)
        if row.state not in OPEN:
            return self.ended(request, InterventionState(row.state))
        return self.page(request, "confirm_return", {"ticket": ticket, "brought": brought})

    def leave(self, request: HttpRequest, ticket: str, intervention_id: str) -> HttpResponse:
        try:
            kept = signing.loads(request.COOKIES.get(ROUND, ""), salt=ticket, max_age=BROWSER_SECONDS)
        except signing.BadSignature:
            raise StaleRound from None
        brought = {name: request.POST.get(name, "")[:LONGEST_EVIDENCE] for name in BROUGHT}
        state = kept.pop("state", "")
        if not secrets.compare_digest(brought.pop("state").encode(), str(state).encode()):
            raise StaleRound
        row = visits.come_back(
            intervention_id,
            request.COOKIES.get(BROWSER, ""),
            state=state,
            evidence={**brought, **kept, "return_to": links.confirm_return(ticket)},
        )
        if row.state in OPEN:
            return self.page(request, "confirm_not_yet", {"ticket": ticket})
        _tell(row.subject)
        return self.ended(request, InterventionState(row.state))


def _tell(session_id: str) -> None:
    """The session learns what the person did. It is on record already: where this fails, the relay
    does it a moment later, and the person need not know."""
    try:
        responses.settled(session_id)
    except Exception as problem:
        log.warning("a session was not told at once: %s", type(problem).__name__)


def _browser(request: HttpRequest, intervention_id: str) -> str:
    """The secret by which this browser is the person; whoever enters first is given a fresh one, so
    that none that somebody else knows is taken over (T10). Raises NotFound, Over, TakenElsewhere."""
    given = request.COOKIES.get(BROWSER, "")
    with suppress(TakenElsewhere):
        visits.entered(intervention_id, given)
        return given
    fresh = secrets.token_urlsafe(32)
    visits.enter(intervention_id, fresh)
    return fresh


def _keep(response: HttpResponse, name: str, value: str, path: str) -> None:
    response.set_cookie(
        name,
        value,
        max_age=BROWSER_SECONDS,
        path=path,
        secure=conf().PUBLIC_URL.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )
