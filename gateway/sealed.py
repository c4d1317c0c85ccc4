"""Secrets that are needed back, encrypted at rest under the `HASH_KEYS` (reliability-security T94).

What only has to be recognised is a keyed hash (`keys`). This is for the rest. The first of the
`HASH_KEYS` seals; what any of them sealed can be opened, so that they can be rotated.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.conf import conf


class Unreadable(ValueError):
    """None of the `HASH_KEYS` sealed this, or not for this purpose, or it was altered."""


def seal(value: bytes, purpose: str) -> str:
    """`value` encrypted and authenticated. `purpose` keeps two uses apart, as in `keys`."""
    return _box(conf().HASH_KEYS, purpose).encrypt(value).decode()


def unseal(sealed: str, purpose: str) -> bytes:
    """What was sealed. Raises Unreadable."""
    try:
        return _box(conf().HASH_KEYS, purpose).decrypt(sealed)
    except InvalidToken:
        raise Unreadable from None


def again(sealed: str, purpose: str) -> str:
    """The same value under the first of the `HASH_KEYS`. Raises Unreadable."""
    try:
        return _box(conf().HASH_KEYS, purpose).rotate(sealed).decode()
    except InvalidToken:
        raise Unreadable from None


@lru_cache(maxsize=16)
def _box(secrets: tuple[str, ...], purpose: str) -> MultiFernet:
    return MultiFernet([Fernet(_derived(secret, purpose)) for secret in secrets])


def _derived(secret: str, purpose: str) -> bytes:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"agentic-sealed\0" + purpose.encode())
    return urlsafe_b64encode(derive.derive(secret.encode()))
