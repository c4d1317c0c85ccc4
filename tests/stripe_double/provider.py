"""The payment provider as the tests use it: over the wire, by the guarded client, at the double."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from checkout.payments.stripe_payments import StripeProvider
from checkout.payments.stripe_terms import Terms
from checkout.payments.stripe_vault import StripeVault
from checkout.ports import Instrument
from gateway.egress import Egress
from interventions.http import Http
from tests.stripe_double.account import SECRET_KEY
from tests.stripe_double.process import Stripe

WEBHOOK_SECRET = "whsec_ofTheTests"
BACK = "http://localhost:8000/agentic/confirm/returned/"
ACQUIRER: Mapping[str, str] = {
    "acquirer_bin": "400000",
    "acquirer_country": "US",
    "acquirer_merchant_id": "merchant-1",
    "merchant_name": "Demo shop",
}


def guarded(stripe: Stripe) -> Egress:
    return Egress(loopback=frozenset({urlsplit(stripe.origin).netloc}))


def provider(
    stripe: Stripe,
    *,
    http: Http | None = None,
    attempt_seconds: float = 60.0,
    verb_seconds: float = 19.0,
    **terms: Any,
) -> StripeProvider:
    """One that was just made, as after a restart."""
    return StripeProvider(
        _agreed(stripe, terms),
        http or guarded(stripe),
        returned=lambda attempt: BACK + attempt,
        attempt_seconds=attempt_seconds,
        verb_seconds=verb_seconds,
    )


def vault(
    stripe: Stripe, *, http: Http | None = None, verb_seconds: float = 19.0, **terms: Any
) -> StripeVault:
    """One that was just made, on the same account."""
    return StripeVault(_agreed(stripe, terms), http or guarded(stripe), verb_seconds=verb_seconds)


def _agreed(stripe: Stripe, terms: Mapping[str, Any]) -> Terms:
    agreed: dict[str, Any] = {
        "secret_key": SECRET_KEY,
        "merchant_id": "profile_test_1",
        "webhook_secrets": (WEBHOOK_SECRET,),
        "api_origin": stripe.origin,
        "challenge_origins": (stripe.origin,),
        "acquirer": ACQUIRER,
        **terms,
    }
    return Terms(**agreed)


def card(token: str) -> Instrument:
    return Instrument("stripe_card", "card", "spt", token)
