"""Who has signed a request: for whoever is asked by agents, such as a person server that one tries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from gateway.aauth import signatures
from gateway.aauth.agent.identity import TYPE


class NotSigned(Exception):
    """Nobody whom we believe has signed that."""


def who_signed(
    method: str,
    authority: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    issuers: Mapping[str, Mapping[str, Any]],
) -> Mapping[str, Any]:
    """The claims of the agent that signed this very request. `issuers` are the public keys that are
    believed, by name; header names are in lower case. Raises NotSigned."""
    path, _, query = target.partition("?")
    message = signatures.Message(method, authority, path, query=query, headers=headers, body=body)
    try:
        signed = signatures.read(message)
        text = str(signed.parameters["jwt"])
        for issuer, key in issuers.items():
            token = _believed(text, issuer, key)
            if token is not None:
                signatures.verify(signed, message, token["cnf"]["jwk"])
                return token
    except (signatures.SignatureProblem, KeyError, TypeError) as problem:
        raise NotSigned(str(problem)) from None
    raise NotSigned("Nobody whom we believe vouches for this agent.")


def _believed(text: str, issuer: str, key: Mapping[str, Any]) -> Mapping[str, Any] | None:
    try:
        token = jwt.decode(text, OKPKey.import_key(dict(key)), algorithms=["Ed25519"])
        claims = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": issuer}, exp={"essential": True}, sub={"essential": True}
        )
        claims.validate(token.claims)
    except (JoseError, ValueError):
        return None
    return token.claims if token.header.get("typ") == TYPE else None
