"""What was agreed with Stripe, how agents are told of it, and how it counts money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from checkout.payments.declarations import CARD
from checkout.payments.outcomes import Handler

VERSION = "2026-10-28.endive"
"""Of Stripe's API; the one that its library was made for."""
TOKEN_VERSION = "2026-04-22.preview"
"""The first that documents shared payment tokens."""
API, BANKS = "https://api.stripe.com", "https://hooks.stripe.com"

TOKEN_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "payment_method_data": ("payment_method_data", "shared_payment_granted_token"),
    "shared_payment_granted_token": ("shared_payment_granted_token",),
    "shared_payment_token": ("shared_payment_token",),
}
"""Where a shared payment token goes. Stripe named it anew twice; accounts that were let in early may
still know an older name only."""
CAPTURES = ("manual", "automatic")
ASKING = ("any", "challenge")


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed with Stripe. Origins are written as browsers do: `https://host`."""

    secret_key: str = field(repr=False)
    merchant_id: str
    """As agents' providers know the merchant: its profile in Stripe's network."""
    webhook_secrets: Sequence[str] = field(default=(), repr=False)
    """Of the endpoint that Stripe tells of events; several while one replaces another."""
    publishable_key: str = ""
    """With it a person can pay with a card at our own page; it stands there, as Stripe means it to."""
    merchant_name: str = ""
    capture: str = "manual"
    """manual: authorized, and taken when the checkout says so; automatic: taken at once."""
    supports_3ds: bool = True
    """A bank may question the holder at Stripe's page. Without, what needs that is declined."""
    three_d_secure: str = "any"
    """When a policy demands it: any, or challenge, which wants the holder questioned."""
    acquirer: Mapping[str, str] = field(default_factory=dict)
    """`acquirer_details` for agents that run 3-D Secure themselves (ACP-167); empty: none can."""
    payment_methods: bool = False
    """Ids of Stripe's own payment methods (`pm_`) are taken too, as a vault at Stripe makes them."""
    token_parameter: str = "payment_method_data"
    token_version: str = TOKEN_VERSION
    version: str = VERSION
    brands: Sequence[str] = ("visa", "mastercard", "amex", "discover", "diners", "jcb", "unionpay")
    funding_types: Sequence[str] = ("credit", "debit", "prepaid")
    handler_id: str = "stripe_card"
    api_origin: str = API
    challenge_origins: Sequence[str] = (BANKS,)
    """Where Stripe shows what a bank asks."""
    timeout_seconds: float = 10.0
    retries: int = 1

    @property
    def live(self) -> bool:
        return "_live_" in self.secret_key


def handler(terms: Terms) -> Handler:
    """How agents pay: a card, as a token that Stripe granted us."""
    config: dict[str, Any] = {
        "merchant_id": terms.merchant_id,
        "psp": "stripe",
        "delegate_id": "stripe",
        "delegate_display_name": "Stripe",
        "accepted_brands": list(terms.brands),
        "accepted_funding_types": list(terms.funding_types),
        "supports_3ds": terms.supports_3ds,
        "environment": "production" if terms.live else "sandbox",
    }
    if terms.merchant_name:
        config["merchant_display_name"] = terms.merchant_name
    if terms.supports_3ds:
        config["3ds_versions"] = ["2.1", "2.2"]
    return Handler(
        id=terms.handler_id,
        name=CARD,
        version="2026-04-17",
        display_name="Card",
        spec="https://www.agenticcommerce.dev/handlers/tokenized-card",
        psp="stripe",
        config_schema="https://www.agenticcommerce.dev/schemas/handlers/tokenized-card/config.json",
        instrument_schemas=(
            "https://www.agenticcommerce.dev/schemas/handlers/tokenized-card/instrument.json",
        ),
        config=config,
        display_order=1,
    )


HUNDREDFOLD = frozenset({"isk", "ugx"})
"""Currencies without decimals that Stripe counts with two, as before they lost them."""
UNCOUNTED = frozenset({"mga", "clf", "uyw", "uyi", "iqd", "lyd"})
"""Currencies that Stripe counts otherwise than in minor units, or not at all."""


def charged(amount: int, currency: str) -> int:
    """Our minor units, as Stripe writes them."""
    return amount * 100 if currency.lower() in HUNDREDFOLD else amount


def counted(amount: int, currency: str) -> int:
    """What Stripe wrote, in our minor units."""
    return amount // 100 if currency.lower() in HUNDREDFOLD else amount
