"""The page with Stripe's Payment Element, which the page of an embedded confirmation shows in a frame.

GET  .../confirm/<ticket>/element    a form for a card; changes nothing, and holds no secret

Only our own page shows it, inside the pages that may show ours: a browser asks about all of them. The
secret of the intent comes from that page, in a message, and only once a browser has entered there; so
the address is worth nothing to whoever else opens it. It is not sent to other sites in a `Referer`.
Stripe's library has to come from Stripe, and like every script it can read this page's address.
"""

from __future__ import annotations

from functools import cached_property

from django.http import HttpRequest, HttpResponse

from gateway import embedders, intake, tickets
from gateway.person import ends, misses, purchase
from gateway.person.ends import End
from gateway.person.pages import Page
from interventions import visits
from interventions.errors import NotFound
from interventions.models import Intervention
from interventions.negotiation import Kind
from interventions.providers.payment_element import PaymentElementProvider
from interventions.states import OPEN


class ElementPage(Page):
    """The form, or why there is none."""

    row: Intervention | None = None
    """The intervention that the link was made for."""

    def get(self, request: HttpRequest, ticket: str) -> HttpResponse:
        try:
            intake.check_target(request)
        except intake.IntakeError:
            return misses.told(request, self.end)
        intervention_id = tickets.read(ticket)
        if intervention_id is None:
            return misses.told(request, self.end)
        try:
            row = visits.look(intervention_id)
            provider = visits.provider_of(row)
        except NotFound:
            return self.end(request, ends.UNKNOWN)
        if row.kind != Kind.WEBVIEW or not isinstance(provider, PaymentElementProvider):
            return self.end(request, ends.UNKNOWN)
        self.row = row
        if row.state not in OPEN:
            return self.end(request, ends.found(row.state))
        # Before a browser has entered there is nobody whom the page could be shown to.
        if not row.browser_digest:
            return self.end(request, ends.UNKNOWN)
        return self.form(request, row, provider)

    def form(self, request: HttpRequest, row: Intervention, provider: PaymentElementProvider) -> HttpResponse:
        shown = {
            "provider": provider.name,
            "key": provider.arrangement.publishable_key,
            "library": provider.script,
            "confirmation": row.pk,
        }
        return self.page(
            request,
            "element",
            shown,
            scripts=provider.scripts_from,
            frames=provider.frames_from,
            asks=(provider.arrangement.api_origin,),
            language=self.language,
        )

    @cached_property
    def framed_by(self) -> tuple[str, ...]:
        """Those around our own page, which `'self'` stands for; nobody when there is nothing to show."""
        if self.row is None:
            return ()
        own = visits.provider_of(self.row).origins
        return (*own, *embedders.origins_of(self.row.owner))

    @property
    def language(self) -> str:
        """As the page around speaks to the buyer."""
        bought = purchase.of_session(self.row.subject) if self.row else None
        return bought.language if bought else ""

    def end(self, request: HttpRequest, end: End) -> HttpResponse:
        return self.page(request, "visit_end", {"end": end}, end.status, language=self.language)
