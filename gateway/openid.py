"""A provider that speaks OpenID Connect, from plain settings.

"INTERVENTIONS": {
    "redirect": {
        "part": "gateway.openid.provider",
        "issuer": "https://wallet.example",
        "client_id": "...",
        "client_secret": "...",
        "readback_url": "https://wallet.example/confirmations/{id}",
    },
}
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from gateway.conf import NAME, conf
from gateway.egress import egress
from interventions.providers.openid import Arrangement, OpenIdProvider
from interventions.weblinks import parse


def provider(**agreed: Any) -> OpenIdProvider:
    """Asks through the guarded client; `agreed` are the members of `Arrangement`, lists for tuples.

    http, on this machine, is for the demo. Raises ImproperlyConfigured for an issuer that cannot be
    trusted, and TypeError for members that an arrangement does not have.
    """
    members: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in agreed.items()
    }
    arrangement = Arrangement(**members, loopback_http=conf().DEMO)
    try:
        scheme = parse(arrangement.issuer).scheme
    except (ValueError, TypeError):
        scheme = ""
    if scheme != "https" and not (scheme and conf().DEMO):
        raise ImproperlyConfigured(f"{NAME}['INTERVENTIONS'] needs an issuer that is an https address.")
    return OpenIdProvider(arrangement, egress())
