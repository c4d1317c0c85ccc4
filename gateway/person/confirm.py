"""The page of an intervention that is confirmed elsewhere: what is bought, and the way to the provider.

GET   .../confirm/<ticket>           what it is about; changes nothing
POST  .../confirm/<ticket>           continue, to the provider's page; or stop
GET   .../confirm/<ticket>/return    back from the provider; a page that posts itself on
POST  .../confirm/<ticket>/return    the provider is asked, and the answer shown
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from gateway import links
from gateway.person import ends, issuer_return
from gateway.person.visiting import BROWSER, BROWSER_SECONDS, VisitPage
from interventions import visits
from interventions.errors import Over, StaleRound
from interventions.models import Intervention
from interventions.negotiation import Kind
from interventions.states import OPEN, InterventionState

ROUND = "agentic_round"
LONGEST_EVIDENCE = 4_096

BROUGHT = ("code", "state", "error", "iss")
"""What a provider sends back through the browser; nothing else is read."""


class ConfirmPage(VisitPage):
    """The question, and its two answers."""

    kinds = frozenset({Kind.REDIRECT, Kind.THREE_DS})
    view = "confirm"

    def ask(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        provider = visits.provider_of(row)
        context = {
            "provider": provider.name,
            "goes_to": [urlsplit(origin).netloc for origin in provider.origins],
            "minutes": self.minutes_left(row),
        }
        return self.show(request, "confirm", context, goes_to=tuple(provider.origins))

    def decide(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        browser = self.browser(request, row)
        away = visits.depart(row.pk, browser, return_to=links.confirm_return(self.ticket))
        response = HttpResponseRedirect(away.url)
        response.status_code = 303
        remembered = signing.dumps({"state": away.state, **away.memory}, salt=self.ticket)
        self.keep(response, ROUND, remembered, self.way_back)
        if row.kind == Kind.THREE_DS:
            # Bound to the payment, of which alone some providers know where they send people back to.
            way_back = reverse("agentic:issuer_return", args=(row.binding,))
            visit = issuer_return.remembered(row.binding, self.ticket, away.state)
            self.keep(response, issuer_return.DEPARTED, visit, way_back)
        return response

    @property
    def way_back(self) -> str:
        return reverse("agentic:confirm_return", args=(self.ticket,))

    def forget(self, response: HttpResponse) -> None:
        super().forget(response)
        if self.ticket:
            response.delete_cookie(ROUND, path=self.way_back, samesite="Lax")
            if self.row is not None and self.row.kind == Kind.THREE_DS:
                way_back = reverse("agentic:issuer_return", args=(self.row.binding,))
                response.delete_cookie(issuer_return.DEPARTED, path=way_back, samesite="Lax")


class ReturnPage(ConfirmPage):
    """The way back. The address bar is the provider's message; the POST is the person's browser.

    Nothing is decided here: the provider says what the person decided, on exactly what it was asked.
    """

    def found(self, request: HttpRequest, ticket: str) -> Intervention:
        row = super().found(request, ticket)
        if self.changed:  # what comes back is about the earlier purchase
            raise Over(InterventionState.CANCELED)
        return row

    def saw(self, request: HttpRequest) -> bool:
        return True

    def ask(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        brought = {name: request.GET[name][:LONGEST_EVIDENCE] for name in BROUGHT if name in request.GET}
        return self.show(request, "confirm_return", {"brought": brought})

    def decide(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        try:
            kept = signing.loads(request.COOKIES.get(ROUND, ""), salt=self.ticket, max_age=BROWSER_SECONDS)
        except signing.BadSignature:
            raise StaleRound from None
        brought = {name: request.POST.get(name, "")[:LONGEST_EVIDENCE] for name in BROUGHT}
        state = kept.pop("state", "")
        if not secrets.compare_digest(brought.pop("state").encode(), str(state).encode()):
            raise StaleRound
        after = visits.come_back(
            row.pk,
            request.COOKIES.get(BROWSER, ""),
            state=state,
            evidence={**brought, **kept, "return_to": links.confirm_return(self.ticket)},
        )
        if after.state in OPEN:
            return self.end(request, ends.NOT_YET)
        self.tell(after)
        return self.end(request, ends.of(after.state, after.kind))
