"""System checks of the payment provider beyond what every part needs: `STRIPE`."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register

from checkout.payments.stripe import talks
from gateway.conf import NAME, conf
from gateway.stripe_account import PATH


@register(Tags.security)
def stripe(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Who is paid through Stripe is told of what happens there, and nobody reads along. What is wrong
    with the setting itself is told of `PAYMENTS`, which cannot be used then."""
    settings = conf()
    if settings.PAYMENTS != PATH:
        return []
    found: list[CheckMessage] = []
    if not settings.STRIPE.get("webhook_secrets"):
        text = f"{NAME}['STRIPE'] has no webhook_secrets: what happens at Stripe is found by asking, later."
        found.append(Warning(text, id="agentic.W120"))
    if settings.STRIPE.get("test_keys") is True and not settings.DEMO:
        text = f"{NAME}['STRIPE'] takes cards of the test mode, which everybody has: no money will move."
        found.append(Warning(text, id="agentic.W121"))
    if talks():
        text = "STRIPE_LOG makes Stripe's library write tokens to the terminal. Unset it."
        found.append(Error(text, id="agentic.E120"))
    return found
