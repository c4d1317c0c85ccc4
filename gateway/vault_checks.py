"""System checks of who takes cards: the settings `VAULT` and `AUTHENTICATION`."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from checkout.payments.authenticator import DelegatedAuthenticator
from checkout.payments.vault import Vault
from gateway.conf import NAME, conf
from gateway.plugs import provider_of
from gateway.stripe_account import PATH, VAULT_PATH

PARTS: dict[str, type] = {"VAULT": Vault, "AUTHENTICATION": DelegatedAuthenticator}
SANDBOX = ("gateway.sandbox", "checkout.payments.sandbox")


@register(Tags.security)
def vaults(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Whoever is named to take cards can be made and has every method; outside the demo it is no sandbox."""
    found: list[CheckMessage] = []
    for key, seam in PARTS.items():
        named: Any = getattr(conf(), key)
        if not named:
            continue
        try:
            part = provider_of(named)
        except ImproperlyConfigured as problem:
            found.append(Error(f"{NAME}['{key}'] cannot be used: {problem}", id="agentic.E110"))
            continue
        methods = [name for name, value in vars(seam).items() if callable(value) and name[0] != "_"]
        if lacking := sorted(name for name in methods if not callable(getattr(part, name, None))):
            found.append(Error(f"{NAME}['{key}'] lacks: {', '.join(lacking)}.", id="agentic.E111"))
        if named["part"] == VAULT_PATH and conf().PAYMENTS != PATH:
            text = f"{NAME}['{key}'] keeps cards at Stripe, and {NAME}['PAYMENTS'] is another: no token pays."
            found.append(Error(text, id="agentic.E112"))
        if not conf().DEMO and str(named["part"]).startswith(SANDBOX):
            text = f"{NAME}['{key}'] is the sandbox: it takes test cards only."
            found.append(Warning(text, id="agentic.W110"))
    return found
