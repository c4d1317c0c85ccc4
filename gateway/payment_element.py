"""Stripe's Payment Element as the widget of embedded pages, from plain settings.

"INTERVENTIONS": {
    "webview": {
        "part": "gateway.payment_element.provider",
        "publishable_key": "pk_live_...",
        "secret_key": os.environ["STRIPE_SECRET_KEY"],
    },
}
"""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from gateway import links
from gateway.conf import NAME, conf
from gateway.egress import egress
from interventions.providers.payment_element import Arrangement, PaymentElementProvider
from interventions.weblinks import is_origin, parse

WHERE = f"{NAME}['INTERVENTIONS']"
ASKING = ("any", "automatic", "challenge")

_PUBLISHABLE = re.compile(r"pk_(test|live)_[A-Za-z0-9_]{8,250}", re.ASCII)
_SECRET = re.compile(r"(?:sk|rk)_(test|live)_[A-Za-z0-9_]{8,250}", re.ASCII)


def provider(*, test_keys: bool = False, **agreed: Any) -> PaymentElementProvider:
    """Asks through the guarded client; `agreed` are the members of `Arrangement`.

    Keys of the test mode are for the demo, and elsewhere only with `test_keys`: everybody has a card
    of the test mode. A restricted key that can write SetupIntents is enough. Raises
    ImproperlyConfigured, whose text holds no key, and TypeError for members that are not known.
    """
    arrangement = Arrangement(**agreed)
    if wrong := _wrong(arrangement, test_keys=test_keys):
        raise ImproperlyConfigured(f"{WHERE} {wrong}")
    try:
        origin = parse(conf().PUBLIC_URL).origin
    except ValueError:
        raise ImproperlyConfigured(f"{NAME}['PUBLIC_URL'] is needed for the element's page.") from None
    return PaymentElementProvider(arrangement, egress(), origin=origin, page=links.element_page)


def _wrong(arrangement: Arrangement, *, test_keys: bool) -> str:
    """What is wrong with it, without a key in it; empty when nothing is."""
    demo = conf().DEMO
    public = _PUBLISHABLE.fullmatch(str(arrangement.publishable_key))
    secret = _SECRET.fullmatch(str(arrangement.secret_key))
    if public is None:
        return "needs a publishable_key that starts with pk_live_ or pk_test_."
    if secret is None:
        return "needs a secret_key that starts with sk_live_, rk_live_, sk_test_ or rk_test_."
    if public[1] != secret[1]:
        return "has a key of the live mode and one of the test mode."
    if demo and public[1] == "live":
        return "has live keys, and the demo's other secrets are known to everybody."
    if not demo and public[1] == "test" and test_keys is not True:
        return "has keys of the test mode, whose cards everybody has; `test_keys` allows them."
    for name in ("api_origin", "script_origin"):
        if not is_origin(getattr(arrangement, name), loopback_http=demo):
            return f"needs an {name} that is an https origin."
    if arrangement.three_d_secure not in ASKING:
        return f"needs a three_d_secure of {', '.join(ASKING)}."
    if not arrangement.name:
        return "needs a name."
    return ""
