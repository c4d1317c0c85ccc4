"""The members of a request for a token, and the tokens among them (AA-216)."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping
from typing import Any

from gateway.aauth import issuers, tokens
from gateway.aauth.person_server import keys, revoking
from gateway.aauth.problems import Problem
from gateway.aauth.signature_problem import SignatureProblem
from gateway.aauth.tokens import Token
from gateway.conf import conf
from gateway.identities import CLARIFICATION, INTERACTION, Identity
from gateway.key_rings import Unusable

MOST_CAPABILITIES = 20
CAPABILITY = re.compile(r"[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]{0,63}")


def invalid(detail: str) -> Problem:
    return Problem(400, "invalid_request", detail)


def text(body: Mapping[str, Any], name: str, *, needed: bool = False, longest: int = 0) -> str:
    """The member as text, "" where it may be missing and is. Raises Problem."""
    value = body.get(name)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or (needed and not value):
        raise invalid(f"{name} is missing, or no text.")
    if longest and len(value) > longest:
        raise invalid(f"{name} has more than {longest} characters.")
    return value


def capabilities(body: Mapping[str, Any]) -> frozenset[str] | None:
    """What the agent says that it can do; None when it does not say. Raises Problem."""
    value = body.get("capabilities")
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MOST_CAPABILITIES:
        raise invalid(f"capabilities has to be a list of at most {MOST_CAPABILITIES} names.")
    if not all(isinstance(name, str) and CAPABILITY.fullmatch(name) for name in value):
        raise invalid("capabilities has to be a list of names such as interaction.")
    return frozenset(value)


def published(identity: Identity) -> frozenset[str]:
    """What an agent can do that asks in an older wording and does not say: its request had no place for that,
    its metadata had one (1f). Nothing is fetched; they are known since its key is."""
    told = issuers.known_metadata(identity.issuer, issuers.AGENT) if identity.legacy else {}
    supported = told.get("clarification_supported") is True
    return frozenset({INTERACTION, CLARIFICATION}) if supported else frozenset()


def refuse_unbuilt(body: Mapping[str, Any]) -> None:
    """Nobody is told a token stands for a mission, or for a chain of calls, that we know nothing of. Raises
    Problem. Hints about the person are not heeded: an agent has one, or none."""
    if body.get("mission_s256") is not None:
        raise invalid("mission_s256 names no mission: there are none here.")
    if body.get("upstream_token") is not None:
        raise Problem(400, "invalid_upstream_token", "Calls are not chained through this person server.")


def token(
    body: Mapping[str, Any], parameter: str, accept: Collection[str], *, lenient: bool = False
) -> Token:
    """The member `{parameter}_token`: of an accepted type, signed by its issuer, not revoked, not expired.
    Whom it is for is the caller's to judge. Raises Problem. No transaction may be open."""
    given = text(body, f"{parameter}_token", needed=True)
    try:
        # Whether it has expired is looked at last: nobody is told that of what they have made up.
        found = tokens.read(
            given, accept=accept, audience=None, lenient=lenient, ours=conf().PUBLIC_URL, now=0.0
        )
        verify(found)
    except SignatureProblem as problem:
        raise Problem(400, f"invalid_{parameter}_token", problem.detail) from None
    if revoking.is_revoked(found.issuer, str(found.claims.get("jti", ""))):
        text_ = "The token was revoked. It does not help to send it again."
        raise Problem(400, f"revoked_{parameter}_token", text_)
    now = time.time()
    if found.expires <= now:
        raise Problem(400, f"expired_{parameter}_token", "The token has expired. A fresh one is needed.")
    if found.claims["iat"] > now + conf().AAUTH_SIGNATURE_SECONDS:
        raise Problem(400, "clock_skew", f"{parameter}_token was issued in the future, by our clock.")
    return found


def verify(found: Token) -> None:
    """Its issuer signed it, with a key that it publishes now; ourselves we do not ask by HTTP. Raises
    SignatureProblem. No transaction may be open."""
    if found.issuer == conf().PUBLIC_URL:
        tokens.verify(found, _own(found.kid))
    else:
        issuers.verify(found)


def _own(kid: str) -> Mapping[str, Any]:
    try:
        found = keys.of_kid(kid)
    except Unusable:
        found = None
    if found is None:
        raise issuers.NoKey
    return found
