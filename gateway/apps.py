"""Plugs the merchant's parts into the checkout when Django starts."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.signals import setting_changed


class GatewayConfig(AppConfig):
    name = "gateway"
    label = "agentic_gateway"
    verbose_name = "Agentic gateway"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Checks register themselves.
        from gateway import (  # noqa: F401
            acquirer_account,
            asking_checks,
            audit_checks,
            channel_checks,
            checks,
            payment_checks,
            plugs,
            push_checks,
            reach_checks,
            reconciliation_checks,
            risk_checks,
            stripe_checks,
            text_checks,
            vault_checks,
        )
        from gateway.aauth import checks as aauth_checks  # noqa: F401
        from gateway.aauth import pinning_checks as aauth_pinning_checks  # noqa: F401
        from gateway.aauth.person_server import checks as person_server_checks  # noqa: F401
        from gateway.interaction_api import checks as interaction_checks  # noqa: F401
        from gateway.interaction_api import discovery_checks  # noqa: F401
        from gateway.person import checks as page_checks  # noqa: F401
        from gateway.person import paying_checks  # noqa: F401
        from gateway.webhooks import checks as webhook_checks  # noqa: F401

        plugs.plug_in()
        setting_changed.connect(_again, dispatch_uid="agentic_plugs")


def _again(*, setting: str, **_: Any) -> None:
    from gateway import conf, plugs, throttling, windows
    from gateway.aauth import issuers, vouching
    from gateway.aauth import misses as unverified
    from gateway.person import misses

    if setting in (conf.NAME, "INSTALLED_APPS"):
        conf.conf.cache_clear()
        throttling.forget()
        windows.forget()
        misses.forget()
        issuers.forget()
        vouching.forget()
        unverified.forget()
        plugs.plug_in()
