"""Who the `Signature-Key` of a request speaks of, and the key that it must be signed with.

A token that was verified is remembered for a while in each process, as a hash of its text: agents send the
same one with each request until it expires.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from threading import Lock
from typing import Any

from gateway import identities
from gateway.aauth import issuers, jwk, person_servers, tokens
from gateway.aauth.person_server import revoking
from gateway.aauth.signature_problem import TITLES, SignatureProblem
from gateway.aauth.signatures import Signed
from gateway.aauth.tokens import Token
from gateway.conf import conf

REMEMBERED = 5_000
REMEMBERED_SECONDS = 3600.0
"""So long a token outlives the key of its issuer at most, if that is taken back."""
REREAD_SECONDS = 10.0
"""So long a process does not look whether an agent token was revoked, once it has (AA-416)."""
LONGEST_NAME = 120
"""Of an issuer, and of an agent with it: what the agent's row holds."""
LONGEST_SERVER = 200
BARE_KEY = "jkt"
"""Stands for the issuer of agents that are known by nothing but their key (older wordings)."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom a key belongs to. True once the request is verified with `key`."""

    issuer: str
    subject: str
    key: Mapping[str, Any] = field(repr=False)
    person_server: str = ""
    parent: str = ""
    """The agent that it is a sub-agent of."""
    token_id: str = ""
    expires_at: datetime | None = None
    assurance: str = identities.AGENT
    older: bool = False
    token: Token | None = field(default=None, repr=False)
    """What it was vouched for by; None in the older wordings that have none."""


def is_known(signed: Signed) -> bool:
    """The request brings a token that was verified here before."""
    return signed.scheme == "jwt" and _recall(_name(signed.parameters["jwt"])) is not None


def of(
    signed: Signed, *, lenient: bool, accept: Collection[str] = (tokens.AGENT,), audience: str = ""
) -> Vouched:
    """Whom the request's key belongs to, by a token of an accepted type; one for somebody is for `audience`.

    Raises SignatureProblem. No transaction may be open.
    """
    match signed.scheme:
        case "jwt":
            return _by_token(signed.parameters["jwt"], lenient, accept, audience)
        case "jwks_uri" if lenient:
            return _by_server(signed.parameters)
        case "hwk" if lenient:
            return _by_key(signed.parameters)
    raise SignatureProblem("unsupported_scheme", "Agents name their token.")


def forget() -> None:
    """No token was verified in this process. For changed settings, and for tests."""
    with _lock:
        _verified.clear()
        _looked.clear()


def forget_revocations() -> None:
    """This process looks again, for every token, whether it was revoked. For tests."""
    with _lock:
        _looked.clear()


def _by_token(text: str, lenient: bool, accept: Collection[str], audience: str) -> Vouched:
    name = _name(text)
    token = _recall(name)
    if token is not None and _fits(token, lenient, accept, audience):
        tokens.alive(token)
    else:
        token = tokens.read(text, accept=accept, audience=audience, lenient=lenient, ours=conf().PUBLIC_URL)
        _check_lengths(token)
        if token.typ == tokens.AGENT:
            issuers.verify(token)
        else:
            person_servers.verify(token)
        _keep(name, token)
    if token.typ == tokens.AGENT:
        _check_revoked(name, token)
    assert token.key is not None  # a token by which one signs names its key
    return Vouched(
        issuer=token.issuer,
        subject=token.subject,
        key=token.key,
        person_server=token.issuer if token.typ == tokens.PERSON else token.person_server,
        parent=str(token.claims.get("parent_agent", "")),
        token_id=str(token.claims.get("jti", "")),
        expires_at=datetime.fromtimestamp(min(token.expires, 253_402_300_799), UTC),
        older=token.older,
        token=token,
    )


def _fits(token: Token, lenient: bool, accept: Collection[str], audience: str) -> bool:
    """A token that was verified for one purpose is none for another (AA-412)."""
    if token.older and not lenient:
        return False
    return token.typ in accept and (token.typ == tokens.AGENT or token.claims.get("aud") == audience)


def _check_revoked(name: str, token: Token) -> None:
    """Its issuer has not taken it back, as far as we were told. Raises SignatureProblem."""
    now = time.monotonic()
    with _lock:
        looked_at = _looked.get(name)
    if looked_at is not None and now - looked_at < REREAD_SECONDS:
        return
    if revoking.is_revoked(token.issuer, str(token.claims.get("jti", ""))):
        raise SignatureProblem("revoked_jwt", TITLES["revoked_jwt"])
    with _lock:
        _looked[name] = now
        _looked.move_to_end(name)
        while len(_looked) > REMEMBERED:
            _looked.popitem(last=False)


def _check_lengths(token: Token) -> None:
    if max(len(token.issuer), len(token.subject)) > LONGEST_NAME or len(token.person_server) > LONGEST_SERVER:
        raise SignatureProblem("invalid_jwt", "iss, sub or ps is too long.")


def _by_server(named: Mapping[str, str]) -> Vouched:
    """A server that signs as itself: its documents lead to its key."""
    issuer, document = named["id"], named.get("dwk", issuers.AGENT)
    key = issuers.key(issuer, document, named["kid"])
    return Vouched(issuer, issuer, key, assurance=identities.SERVER, older=True)


def _by_key(named: Mapping[str, str]) -> Vouched:
    """Somebody who holds this key, and that is all."""
    return Vouched(BARE_KEY, jwk.thumbprint(named), named, assurance=identities.PSEUDONYM, older=True)


# Verified before ------------------------------------------------------------------------

_lock = Lock()
_verified: OrderedDict[str, tuple[float, Token]] = OrderedDict()
_looked: OrderedDict[str, float] = OrderedDict()


def _name(text: str) -> str:
    return sha256(text.encode(errors="replace")).hexdigest()


def _recall(name: str) -> Token | None:
    with _lock:
        until, token = _verified.get(name, (0.0, None))
    return token if time.monotonic() < until else None


def _keep(name: str, token: Token) -> None:
    with _lock:
        _verified[name] = (time.monotonic() + REMEMBERED_SECONDS, token)
        _verified.move_to_end(name)
        while len(_verified) > REMEMBERED:
            _verified.popitem(last=False)
