"""Passkeys as the confirmation of type `biometric`, from plain settings.

"INTERVENTIONS": {"biometric": {"part": "gateway.passkeys.provider"}}

They belong to the host of `PUBLIC_URL`: when that changes, buyers have to make new ones.
"""

from __future__ import annotations

from gateway.conf import NAME, conf
from gateway.plugs import NotHere
from interventions.providers.passkeys import NoName, Passkeys


def provider(name: str = "") -> Passkeys:
    """`name` is who agents and operators read that it is; the merchant, when empty.

    Raises NotHere when the public address is one at which no browser offers them.
    """
    settings = conf()
    try:
        return Passkeys(settings.PUBLIC_URL, merchant=settings.MERCHANT_NAME, name=name)
    except NoName as problem:
        raise NotHere(f"{NAME}['PUBLIC_URL']: {problem}") from None
