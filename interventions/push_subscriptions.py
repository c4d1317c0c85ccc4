"""What a browser gives out so that push messages reach it: where they go, and what they are encrypted with.

Whoever has one can write to that browser, so it is sealed wherever it is kept (RFC 8030, RFC 8291).
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from django.views.decorators.debug import sensitive_variables

from interventions.ports import ports
from interventions.weblinks import WebLink, parse

PURPOSE = "push subscription"
POINT_BYTES, AUTH_BYTES = 65, 16
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{16,100}={0,2}", re.ASCII)


class Malformed(ValueError):
    """`member` is not what browsers give out. The text quotes nothing of it."""

    def __init__(self, member: str) -> None:
        self.member = member
        super().__init__(f"{member} is not what a browser gives out.")


@dataclass(frozen=True, slots=True)
class Subscription:
    """One browser's, as it gave it out."""

    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    """The browser's public key: a point on P-256 in base64url."""
    auth: str = field(repr=False)
    """The secret that it shares with who writes to it: 16 bytes in base64url."""

    @property
    def link(self) -> WebLink:
        return parse(self.endpoint)


@sensitive_variables()
def fingerprints(endpoint: str) -> Sequence[str]:
    """Keyed hashes by which a browser is known again, under the key in use first."""
    return ports().known_digests(endpoint.encode(), PURPOSE)


@sensitive_variables()
def read(given: Mapping[str, Any]) -> Subscription:
    """The subscription in what `PushSubscription.toJSON` made. Raises Malformed. No network: where the
    endpoint leads is judged by who sends there."""
    endpoint, keys = given.get("endpoint"), given.get("keys")
    try:
        if not isinstance(endpoint, str):
            raise Malformed("endpoint")
        parse(endpoint)
    except ValueError:
        raise Malformed("endpoint") from None
    if not isinstance(keys, Mapping):
        raise Malformed("keys")
    point = _bytes(keys.get("p256dh"), "keys.p256dh", POINT_BYTES)
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    except ValueError:
        raise Malformed("keys.p256dh") from None
    _bytes(keys.get("auth"), "keys.auth", AUTH_BYTES)
    return Subscription(endpoint, keys["p256dh"].rstrip("="), keys["auth"].rstrip("="))


@sensitive_variables()
def seal(subscription: Subscription) -> str:
    """As it is kept."""
    kept = [subscription.endpoint, subscription.p256dh, subscription.auth]
    return ports().seal(json.dumps(kept).encode(), PURPOSE)


@sensitive_variables()
def unseal(address: str) -> Subscription:
    """What was kept. Raises ValueError when it cannot be read any more."""
    return Subscription(*json.loads(ports().unseal(address, PURPOSE)))


@sensitive_variables()
def _bytes(given: object, member: str, length: int) -> bytes:
    if not isinstance(given, str) or not _BASE64URL.fullmatch(given):
        raise Malformed(member)
    bare = given.rstrip("=")
    try:
        found = urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except ValueError:
        raise Malformed(member) from None
    if len(found) != length:
        raise Malformed(member)
    return found
