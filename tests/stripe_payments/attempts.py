"""Attempts at paying, each for a session of its own."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from checkout.ports import Attempt
from tests.stripe_double.process import Stripe
from tests.stripe_double.provider import card


def attempt(token: str = "", *, amount: int = 4_200, currency: str = "usd", **more: Any) -> Attempt:
    name = uuid.uuid4().hex[:16]
    instrument = card(token) if token else None
    return Attempt(f"pay_{name}", f"cs_{name}", amount, currency, instrument, **more)


def paying(stripe: Stripe, method: str = "pm_card_visa", **more: Any) -> Attempt:
    """One with a permission to take its amount from this card."""
    made = attempt(**more)
    token = stripe.grant(method, amount=made.amount, currency=made.currency)
    return replace(made, instrument=card(token))


def later(made: Attempt) -> Attempt:
    """The same, as everybody else knows it: without the token."""
    return replace(made, instrument=None)
