"""The sandbox acquirer as payment provider, from plain settings. No money will move.

"PAYMENTS": "gateway.acquirer_account.provider",
"ACQUIRER": {
    "url": "https://acquirer.example",
    "key": os.environ["ACQUIRER_KEY"],
    "webhook_secret": os.environ["ACQUIRER_WEBHOOK_SECRET"],
    "timeout_seconds": 10.0,
    "retries": 1,
}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from checkout.payments.acquirer import AcquirerProvider
from gateway.conf import DEMO_SECRET, NAME, conf
from gateway.egress import egress
from interventions.http import LONGEST_SECONDS
from interventions.weblinks import is_origin

WHERE = f"{NAME}['ACQUIRER']"
KNOWN = frozenset({"url", "key", "webhook_secret", "name", "timeout_seconds", "retries"})
SHORTEST_SECRET = 16
MOST_RETRIES = 3


def provider() -> AcquirerProvider:
    """Asks through the guarded client. Raises ImproperlyConfigured, whose text holds no secret."""
    agreed = conf().ACQUIRER
    if wrong := _wrong(agreed):
        raise ImproperlyConfigured(f"{WHERE} {wrong}")
    return AcquirerProvider(**agreed, http=egress())


@register(Tags.security)
def acquirer(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """The account at the sandbox acquirer, if there is one, can be used, and its secrets are its own."""
    agreed = conf().ACQUIRER
    if not agreed:
        return []
    if wrong := _wrong(agreed):
        return [Error(f"{WHERE} {wrong}", id="agentic.E048")]
    if not conf().DEMO and any(
        str(agreed[name]).startswith(DEMO_SECRET) for name in ("key", "webhook_secret")
    ):
        return [Error(f"{WHERE} holds a secret of the demo, which everybody knows.", id="agentic.E049")]
    return []


def _wrong(agreed: Any) -> str:
    """What is wrong with it; empty when nothing is."""
    if not isinstance(agreed, Mapping) or set(agreed) - KNOWN:
        return f"has these members: {', '.join(sorted(KNOWN))}."
    if not is_origin(agreed.get("url"), loopback_http=conf().DEMO):
        return "needs a url that is an https origin, such as https://acquirer.example."
    for name in ("key", "webhook_secret"):
        secret = agreed.get(name)
        if not isinstance(secret, str) or len(secret) < SHORTEST_SECRET or not secret.isascii():
            return f"needs a {name} of {SHORTEST_SECRET} characters or more."
    seconds, retries = agreed.get("timeout_seconds", LONGEST_SECONDS), agreed.get("retries", 1)
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int | float)
        or not 0 < seconds <= LONGEST_SECONDS
    ):
        return f"needs timeout_seconds of at most {LONGEST_SECONDS:g}."
    if type(retries) is not int or not 0 <= retries <= MOST_RETRIES:
        return f"needs retries of 0 to {MOST_RETRIES}."
    if not isinstance(agreed.get("name", ""), str):
        return "needs a name that is a text."
    return ""
