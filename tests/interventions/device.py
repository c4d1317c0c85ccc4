"""A device as the tests play it: an authenticator made of software, honest or not (WebAuthn)."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

ORIGIN = "http://localhost:8000"

PRESENT, VERIFIED, HAS_KEY = 0x01, 0x04, 0x40


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "===")


@dataclass
class PlayedDevice:
    """Makes one key and uses it. Its members can be set to what a dishonest device would say."""

    origin: str = ORIGIN
    host: str = "localhost"
    verified: bool = True
    count: int = 0
    format: str = "none"
    cross_origin: bool = False
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to `navigator.credentials.create`."""
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        named = len(self.credential_id).to_bytes(2, "big") + self.credential_id
        told = self._told(HAS_KEY) + bytes(16) + named + public
        statement = cbor2.dumps({"fmt": self.format, "attStmt": {}, "authData": told})
        client = self._client("webauthn.create", options)
        return self._answer({"clientDataJSON": b64(client), "attestationObject": b64(statement)})

    def use(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to `navigator.credentials.get`."""
        if self.count:
            self.count += 1
        client, told = self._client("webauthn.get", options), self._told(0)
        signature = self.key.sign(told + sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            {
                "clientDataJSON": b64(client),
                "authenticatorData": b64(told),
                "signature": b64(signature),
                "userHandle": None,
            }
        )

    def does(self, step: str, options: Mapping[str, Any]) -> dict[str, Any]:
        return self.make(options) if step == "make" else self.use(options)

    def _told(self, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verified else 0)
        return sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, options: Mapping[str, Any]) -> bytes:
        told = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps(told | {"crossOrigin": self.cross_origin}).encode()

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        named = b64(self.credential_id)
        return {"id": named, "rawId": named, "type": "public-key", "response": response}
