"""Identity tokens, and the ways in which a wallet may get them wrong."""

from __future__ import annotations

import secrets
import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from gateway.wallet.books import Books, Decision, Grant
from gateway.wallet.registration import Registration

TOKEN_SECONDS = 300
ALGORITHMS = ("ES256", "RS256")

BEHAVIOURS = {
    "well": "behave well",
    "wrong_state": "return a wrong state",
    "wrong_nonce": "sign a wrong nonce",
    "wrong_issuer": "sign as somebody else",
    "wrong_audience": "sign for somebody else",
    "wrong_amount": "sign a wrong amount",
    "wrong_confirmation": "sign another confirmation",
    "bad_signature": "sign with a wrong key",
    "unsigned": "do not sign",
    "expired": "sign an expired token",
    "slow": "answer the merchant slowly",
    "error": "return an error",
}
"""What the sandbox can be told to do, by its name in the form."""


def public_keys(books: Books) -> dict[str, Any]:
    """The key set that merchants check signatures with."""
    return dict(KeySet([_key(books, name) for name in ALGORITHMS]).as_dict(private=False))


def identity(registered: Registration, books: Books, grant: Grant, decision: Decision) -> str:
    """A signed statement that a person here confirmed what the decision says."""
    algorithm, behaviour = registered.clients[grant.client].algorithm, grant.behaviour
    now = int(time.time())
    confirmed = {"id": decision.id, "amount": decision.amount, "currency": decision.currency}
    if behaviour == "wrong_amount":
        confirmed["amount"] = decision.amount + 1
    if behaviour == "wrong_confirmation":
        confirmed["id"] = "of_something_else"
    if behaviour == "expired":
        now -= 3600
    claims = {
        "iss": registered.issuer if behaviour != "wrong_issuer" else "https://wallet.invalid",
        "aud": grant.client if behaviour != "wrong_audience" else "somebody-else",
        "sub": "sandbox-person",
        "iat": now,
        "exp": now + TOKEN_SECONDS,
        "nonce": grant.nonce if behaviour != "wrong_nonce" else secrets.token_urlsafe(16),
        "confirmation": confirmed,
    }
    if behaviour == "unsigned":
        return jwt.encode({"alg": "none"}, claims, ECKey.generate_key("P-256"), algorithms=["none"])
    key = _key(books, algorithm)
    header = {"alg": algorithm, "kid": key.kid}
    if behaviour == "bad_signature":
        key = _new(algorithm)
    return jwt.encode(header, claims, key, algorithms=list(ALGORITHMS))


def _key(books: Books, algorithm: str) -> ECKey | RSAKey:
    private = books.key(algorithm, lambda: _new(algorithm).as_dict(private=True))
    more: Any = {"alg": algorithm, "use": "sig"}
    key = RSAKey.import_key(private, more) if algorithm == "RS256" else ECKey.import_key(private, more)
    key.ensure_kid()
    return key


def _new(algorithm: str) -> ECKey | RSAKey:
    return RSAKey.generate_key(2048) if algorithm == "RS256" else ECKey.generate_key("P-256")
