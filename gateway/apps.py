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
        from gateway import asking_checks, checks, plugs, text_checks  # noqa: F401  (checks register themselves)

        plugs.plug_in()
        setting_changed.connect(_again, dispatch_uid="agentic_plugs")


def _again(*, setting: str, **_: Any) -> None:
    from gateway import conf, plugs, throttling

    if setting in (conf.NAME, "INSTALLED_APPS"):
        conf.conf.cache_clear()
        throttling.forget()
        plugs.plug_in()
