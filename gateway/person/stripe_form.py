"""Stripe's Payment Element, in which a person types a card that pays for what was handed over.

The card goes from the browser to Stripe, which makes a payment method of it; the form brings its id, and
Stripe is asked whether it carries the mark of this purchase in this browser. It is charged as every other
payment is: on our server, once, for the total that the person saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop

from checkout.models import CheckoutSession
from checkout.payments import tenders
from checkout.payments.outcomes import DELEGATED, Instrument
from checkout.payments.stripe_payments import StripeProvider
from checkout.payments.stripe_terms import charged
from checkout.payments.stripe_typed import MARK
from gateway import keys
from gateway.person.pay_terms import Policy, Untaken
from interventions import handing_over
from interventions.providers.payment_element import RELEASE, SCRIPTS

TYPE = gettext_noop("Enter your card.")
AGAIN = gettext_noop("Enter your card once more. Nothing was charged.")

FIELD = "payment_method"
PLACE = "card"
"""The id of the card's place in the page."""
MARKED = "mark of a card typed in"
LIBRARY = f"{SCRIPTS}/{RELEASE}/stripe.js"
FROM_STRIPE = (SCRIPTS, SCRIPTS.replace("://", "://*."))
"""Stripe also serves its library, and its frames, from hosts below its own."""


class StripeForm:
    """Implements `paying.PersonForm`."""

    template = "agentic/pay_stripe.html"
    script = "agentic/pay_stripe.js"

    def __init__(self, provider: StripeProvider) -> None:
        self._provider = provider

    @property
    def policy(self) -> Policy:
        return Policy(FROM_STRIPE, FROM_STRIPE, (self._provider.terms.api_origin,))

    def shown(self, session: CheckoutSession) -> Mapping[str, Any]:
        terms = self._provider.terms
        return {
            "place": PLACE,
            "key": terms.publishable_key,
            "library": LIBRARY,
            "amount": charged(session.total, session.currency),
            "currency": session.currency.lower(),
            "capture": terms.capture,
            "mark_name": MARK,
            "mark": _mark(session),
        }

    def instrument(self, session: CheckoutSession, sent: Mapping[str, str]) -> Instrument | Untaken:
        name, offered = sent.get(FIELD, ""), tenders.offered(session)
        if not name or not offered:
            return Untaken(TYPE, PLACE)
        if not self._provider.typed_in(name, mark=_mark(session)):
            return Untaken(AGAIN, PLACE)
        return Instrument(offered[0].id, "card", DELEGATED, name, from_our_page=True)


def _mark(session: CheckoutSession) -> str:
    """What only the browser that goes on with the session's handoff is shown."""
    row = handing_over.last(session.id)
    named = f"{row.pk}\0{row.browser_digest}" if row is not None else session.id
    return keys.digest(named.encode(), MARKED)
