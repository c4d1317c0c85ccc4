"""System checks of what is risky: the settings `RISK` and `RISK_ASSESSOR`."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from gateway import risk_rules
from gateway.conf import NAME, conf
from gateway.plugs import assessor


@register(Tags.security)
def risk(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Conditional policies are weighed by rules that mean something; until then every risk is high."""
    wrong = list(risk_rules.problems(conf().RISK))
    found: list[CheckMessage] = [Error(f"{NAME}['RISK'] {text}", id="agentic.E060") for text in wrong]
    if not conf().RISK_ASSESSOR:
        return found
    where = f"{NAME}['RISK_ASSESSOR']"
    if conf().RISK:
        found.append(Error(f"{where} is named, so that nobody reads {NAME}['RISK'].", id="agentic.E063"))
    try:
        part = assessor()
    except ImproperlyConfigured as problem:
        return [*found, Error(f"{where} cannot be used: {problem}", id="agentic.E061")]
    if not callable(getattr(part, "assess", None)):
        found.append(Error(f"{where} lacks: assess.", id="agentic.E062"))
    return found
