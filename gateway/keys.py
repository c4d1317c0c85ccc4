"""Keyed hashes of everything secret: bearer keys, idempotency fingerprints, later codes."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

from gateway.conf import conf

BEARER_PREFIX = "agk_"


def digest(value: bytes, purpose: str) -> str:
    """The keyed hash under the active key. `purpose` keeps two uses of one value apart."""
    return _digest(conf().HASH_KEYS[0], value, purpose)


def digests(value: bytes, purpose: str) -> list[str]:
    """The keyed hashes under every key that is still recognised, the active one first."""
    return [_digest(key, value, purpose) for key in conf().HASH_KEYS]


def same(left: str, right: str) -> bool:
    """Equal, in constant time (reliability-security T07)."""
    return hmac.compare_digest(left.encode(), right.encode())


def new_bearer_key() -> str:
    """256 random bits, recognisable by its prefix when it leaks into a repository."""
    return f"{BEARER_PREFIX}{secrets.token_urlsafe(32)}"


def _digest(key: str, value: bytes, purpose: str) -> str:
    return hmac.new(key.encode(), purpose.encode() + b"\0" + value, sha256).hexdigest()
