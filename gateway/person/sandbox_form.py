"""The sandbox's cards, for a person to choose from: no card is typed, and no money moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop

from checkout.models import CheckoutSession
from checkout.payments import tenders
from checkout.payments.outcomes import DELEGATED, Instrument
from gateway.person.pay_terms import OURS_ALONE, Policy, Untaken

CHOOSE = gettext_noop("Choose a test card.")


@dataclass(frozen=True, slots=True)
class Card:
    token: str
    title: str
    more: str


CARDS = (
    Card("spt_sandbox_ok", gettext_noop("Test card that pays"), gettext_noop("Paid at once.")),
    Card(
        "spt_sandbox_declined", gettext_noop("Test card that is declined"), gettext_noop("Nothing is paid.")
    ),
)
BANK_CARDS = (
    Card(
        "spt_sandbox_3ds_challenge",
        gettext_noop("Test card whose bank asks you"),
        gettext_noop("The sandbox bank asks first (3-D Secure)."),
    ),
)


@dataclass(frozen=True, slots=True)
class SandboxForm:
    """Implements `paying.PersonForm`; `asks`: there is a bank that can ask."""

    asks: bool = False
    template: str = "agentic/pay_sandbox.html"
    script: str = ""
    policy: Policy = OURS_ALONE

    @property
    def cards(self) -> tuple[Card, ...]:
        return (*CARDS, *BANK_CARDS) if self.asks else CARDS

    def shown(self, session: CheckoutSession) -> Mapping[str, Any]:
        return {"cards": self.cards}

    def instrument(self, session: CheckoutSession, sent: Mapping[str, str]) -> Instrument | Untaken:
        token = sent.get("card", "")
        if token not in {card.token for card in self.cards}:
            return Untaken(CHOOSE, self.cards[0].token)
        return Instrument(tenders.offered(session)[0].id, "card", DELEGATED, token)
