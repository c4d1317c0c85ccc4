"""The buyer's device: a passkey made of software, for a demo without a phone (WebAuthn).

It says that it verified its owner, as nobody could check. A merchant who believed whoever comes
with one would believe this one too.
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, HAS_KEY = 0x01, 0x04, 0x40
ES256 = -7


class Device:
    """One key, made when first asked for."""

    def __init__(self) -> None:
        self._id = secrets.token_bytes(32)
        self._key = ec.generate_private_key(ec.SECP256R1())

    def make(self, options: Mapping[str, Any], origin: str) -> dict[str, Any]:
        """The answer of a browser at `origin` that was asked to have a passkey made."""
        numbers = self._key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        public = _cbor({1: 2, 3: ES256, -1: 1, -2: x, -3: y})
        named = bytes(16) + len(self._id).to_bytes(2, "big") + self._id
        told = _told(options["rp"]["id"], HAS_KEY) + named + public
        client = _client("webauthn.create", options, origin)
        statement = _cbor({"fmt": "none", "attStmt": {}, "authData": told})
        return self._answer(clientDataJSON=client, attestationObject=statement)

    def use(self, options: Mapping[str, Any], origin: str) -> dict[str, Any]:
        """The answer of a browser at `origin` that was asked to have the passkey used."""
        client, told = _client("webauthn.get", options, origin), _told(options["rpId"], 0)
        signature = self._key.sign(told + sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(clientDataJSON=client, authenticatorData=told, signature=signature)

    def _answer(self, **response: bytes) -> dict[str, Any]:
        named, told = _text(self._id), {name: _text(value) for name, value in response.items()}
        return {"id": named, "rawId": named, "type": "public-key", "response": told}


def _told(host: str, flags: int) -> bytes:
    """Whose page it is, and what the device says of itself. It does not count."""
    return sha256(host.encode()).digest() + bytes([flags | PRESENT | VERIFIED]) + bytes(4)


def _client(kind: str, options: Mapping[str, Any], origin: str) -> bytes:
    return json.dumps({"type": kind, "challenge": options["challenge"], "origin": origin}).encode()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _cbor(value: Any) -> bytes:
    """CBOR of the few things a device says (RFC 8949)."""
    match value:
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case Mapping():
            inner = (_cbor(name) + _cbor(member) for name, member in value.items())
            return _head(5, len(value)) + b"".join(inner)
    raise TypeError(type(value).__name__)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    size = 1 if number < 2**8 else 2
    return bytes([major << 5 | (24 if size == 1 else 25)]) + number.to_bytes(size, "big")
