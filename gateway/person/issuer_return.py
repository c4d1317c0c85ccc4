"""The way back from the page of a payment provider that had to be told of one address beforehand.

GET  .../confirm/returned/<payment>    leads to the way back of the visit that this browser is on

The address says nothing about the person; a cookie that the page of the visit set does. Nothing is
decided here, and nothing of what the provider wrote into the address is read or passed on.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from gateway import intake
from gateway.person import ends
from gateway.person.ends import End
from gateway.person.pages import Page
from gateway.person.visiting import BROWSER_SECONDS

DEPARTED = "agentic_departed"


def remembered(payment_id: str, ticket: str, state: str) -> str:
    """What the browser keeps while it is away: which visit it is on."""
    return signing.dumps({"ticket": ticket, "state": state}, salt=_salt(payment_id))


class IssuerReturn(Page):
    """On to the visit, or what somebody reads who is on none."""

    def get(self, request: HttpRequest, payment_id: str) -> HttpResponse:
        try:
            intake.check_target(request)
            given = request.COOKIES.get(DEPARTED, "")
            kept = signing.loads(given, salt=_salt(payment_id), max_age=BROWSER_SECONDS)
        except (intake.IntakeError, signing.BadSignature):
            return self.end(request, ends.STALE)
        visit = reverse("agentic:confirm_return", args=(kept["ticket"],))
        response = HttpResponseRedirect(f"{visit}?{urlencode({'state': kept['state']})}")
        response.headers["Referrer-Policy"] = self.referrer
        response.headers["Cache-Control"] = "no-store"
        return response

    def end(self, request: HttpRequest, end: End) -> HttpResponse:
        return self.page(request, "visit_end", {"end": end}, end.status)


def _salt(payment_id: str) -> str:
    return f"way back of {payment_id}"
