"""The keys that we sign with as a server of AAuth: the file named by AAUTH_KEYS (AA-406, AA-413).

One key signs. The public half of one before it stays published until whatever it signed has expired.
"""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.utils import timezone

from gateway.aauth import tokens
from gateway.key_rings import KeyFile, PublicKey, Unusable

FILE = KeyFile("AAUTH_KEYS")

PUBLISHED = timedelta(seconds=tokens.HOUR) + timedelta(minutes=10)
"""So long a retired key is published: no token of ours lives for more than an hour, by any clock."""

ring = FILE.ring


def usable() -> bool:
    """There is a key to sign with."""
    try:
        ring()
    except Unusable:  # said at start by a system check
        return False
    return True


def sign(claims: Mapping[str, Any], typ: str) -> str:
    """A token with these very claims, of one of the types in `tokens`. The same claims give the same token,
    as long as the key is the same. Raises Unusable."""
    found = ring()
    alg = "EdDSA" if typ in tokens.OLDER else ""
    return tokens.issue(claims, found.signer, found.current.id, typ, alg=alg)


def jwks() -> dict[str, Any]:
    """The public keys with which our tokens are verified, the one that signs first. Raises Unusable."""
    now = timezone.now()
    return {"keys": [_jwk(key) for key in ring().keys if _is_published(key, now)]}


def of_kid(kid: str) -> dict[str, str] | None:
    """Our own public key of that name while it is published; for whoever would else ask us by HTTP. Raises
    Unusable."""
    found: list[dict[str, str]] = jwks()["keys"]
    return next((key for key in found if key["kid"] == kid), None)


def _is_published(key: PublicKey, now: datetime) -> bool:
    if not key.retired_at:
        return True
    return datetime.fromisoformat(key.retired_at).astimezone(UTC) > now - PUBLISHED


def _jwk(key: PublicKey) -> dict[str, str]:
    public = load_der_public_key(b64decode(key.public_key))
    assert isinstance(public, Ed25519PublicKey)  # the file holds no others
    x = urlsafe_b64encode(public.public_bytes_raw()).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "alg": "Ed25519", "use": "sig", "kid": key.id, "x": x}
