"""Requests as agents sign them, and what can be done to them on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.aauth import signatures, tokens
from gateway.aauth.jwk import PrivateKey, public_jwk
from gateway.aauth.signatures import Message, SignatureProblem, Signed

NOW = 1_800_000_000
ISSUER = "https://agents.example"
SUBJECT = "aauth:shopper@agents.example"
KID = "key-1"

KEYS: dict[str, PrivateKey] = {
    "Ed25519": Ed25519PrivateKey.from_private_bytes(bytes(range(32))),
    "ES256": ec.derive_private_key(7, ec.SECP256R1()),
}
PROVIDER = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))


def claims(alg: str = "Ed25519", **changed: Any) -> dict[str, Any]:
    """The claims of an agent token; None takes one away."""
    said = tokens.agent_claims(ISSUER, SUBJECT, public_jwk(KEYS[alg]), now=NOW) | {"jti": "j1"} | changed
    return {name: value for name, value in said.items() if value is not None}


def token(alg: str = "Ed25519", **changed: Any) -> str:
    return tokens.issue(claims(alg, **changed), PROVIDER, KID)


def request(method: str = "POST", **parts: Any) -> Message:
    """Not signed yet."""
    body = b'{"line_items": []}' if method == "POST" else b""
    headers = {"content-type": "application/json"} if body else {}
    given: dict[str, Any] = {"path": "/checkout_sessions", "body": body, "headers": headers} | parts
    return Message(method=method, authority="shop.example", **given)


def signed(message: Message | None = None, alg: str = "Ed25519", **options: Any) -> Message:
    """The request with its signature."""
    message = message if message is not None else request()
    given: dict[str, Any] = {
        "signature_key": signatures.by_jwt(token(alg)),
        "created": NOW,
    } | options
    return with_headers(message, signatures.sign(message, KEYS[alg], **given))


def with_headers(message: Message, headers: Mapping[str, str]) -> Message:
    added = {name.lower(): value for name, value in headers.items()}
    return replace(message, headers={**message.headers, **added})


def without(message: Message, *names: str) -> Message:
    return replace(message, headers={n: v for n, v in message.headers.items() if n not in names})


def check(message: Message, alg: str = "Ed25519", **options: Any) -> Signed:
    """What a server does with it, once it has found the key."""
    said = signatures.read(message, **({"now": NOW} | options))
    signatures.verify(said, message, public_jwk(KEYS[alg]))
    return said


def problem(message: Message, alg: str = "Ed25519", **options: Any) -> SignatureProblem:
    with pytest.raises(SignatureProblem) as caught:
        check(message, alg, **options)
    return caught.value
