"""Every page for people that `gateway.urls` has, and something for each to ask about."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.db import transaction
from django.urls import URLPattern, reverse

from checkout.models import CheckoutSession
from checkout.obligations import NEED_A_CONTACT
from gateway import tickets, urls
from gateway.person.pages import Page
from gateway.person.passkeys import Spoken
from gateway.person.visiting import VisitPage
from interventions import ports, services
from interventions.negotiation import HANDOFF
from tests.agents import PlayedAgent
from tests.frozen import handed_over
from tests.interventions.wallet import PlayedWallet


def pages() -> Iterator[tuple[str, type[Page]]]:
    """The name of each page's address, and its view; not what only the script of a page asks."""
    for entry in urls.urlpatterns:
        view = getattr(entry.callback, "view_class", None) if isinstance(entry, URLPattern) else None
        if view is not None and issubclass(view, Page) and not issubclass(view, Spoken):
            yield str(entry.name), view


EVERY = [name for name, _ in pages()]
SIGNED_IN = {"consent"}
"""Pages for people with an account, about no purchase: `tests/aauth/person_server/test_consent_page.py`."""
VISITS = {name: view for name, view in pages() if issubclass(view, VisitPage) and name not in SIGNED_IN}
STARTS = [name for name, view in VISITS.items() if view.view == name]
"""Pages that ask something. The others are ways back to one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A person is asked for something on a session of this agent."""

    session: str
    intervention: str
    url: str


def ask(agent: PlayedAgent, name: str) -> Asked:
    """A purchase, and what the page of that name asks about it; whoever runs the kind is played."""
    kind = sorted(VISITS[name].kinds)[0]
    if kind == HANDOFF:
        frozen = handed_over(owner=f"session:ase_{secrets.token_hex(8)}")
        url = reverse(f"agentic:{name}", args=(tickets.ticket(frozen.intervention_id),))
        return Asked(frozen.session.pk, frozen.intervention_id, url)
    if kind not in NEED_A_CONTACT:
        before = ports.ports()
        ports.plug(replace(before, providers={**before.providers, kind: PlayedWallet()}))
    session = CheckoutSession.objects.get(pk=agent.ready(buyer={"email": "ada@example.com"})["id"])
    with transaction.atomic():
        asked = services.ensure(
            session.pk,
            kind,
            binding="as it is",
            amount=session.total,
            currency=session.currency,
            destination="ada@example.com" if kind in NEED_A_CONTACT else "",
            owner=session.owner,
        )
    return Asked(session.pk, asked.id, reverse(f"agentic:{name}", args=(tickets.ticket(asked.id),)))
