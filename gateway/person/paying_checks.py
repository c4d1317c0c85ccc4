"""System checks of how a person pays on our pages."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from checkout.ports import ports
from gateway.conf import NAME, conf, load
from gateway.person import paying


@register(Tags.compatibility)
def payment_form(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Whoever is sent to our page to pay can do so there."""
    if named := conf().PAYMENT_FORM:
        try:
            load(named)
        except ImproperlyConfigured as problem:
            return [Error(f"{NAME}['PAYMENT_FORM']: {problem}", id="agentic.E180")]
        return []
    try:
        ports()
    except RuntimeError:  # a part is missing, which is told of its own setting
        return []
    if paying.form() is not None:
        return []
    text = "Nobody can pay on the pages of a handoff: the payment provider has no form for people."
    hint = f"Name one in {NAME}['PAYMENT_FORM'], or Stripe's publishable_key (docs/handoff-pages.md)."
    return [Warning(text, hint=hint, id="agentic.W180")]
