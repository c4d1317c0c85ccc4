"""The tokens of AAuth: JWTs whose type is looked at first (AA-411, AA-412). Pure: nothing is fetched.

Two steps, because the key is found by what the token says of itself:

    token = read(text)                   # type, algorithm, claims, not expired; nothing of it true yet
    jwk = ...                            # of token.issuer, by token.kid
    verify(token, jwk)                   # the issuer signed it

Both depend on their arguments alone, and the time only decides whether a token is alive: a token that was
verified once with a key may be remembered under its text and that key, as long as `alive` is asked again.
SignatureProblem is the only exception that comes from a token.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, OKPKey

from gateway.aauth.jwk import PrivateKey, public_jwk, public_key
from gateway.aauth.signature_problem import ALGORITHMS, SignatureProblem

AGENT = "aa-agent+jwt"
PERSON = "aa-person+jwt"
RESOURCE = "aa-resource+jwt"
AUTH = "aa-auth+jwt"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a type of token must say."""

    documents: frozenset[str]
    """Its `dwk`: the metadata of the issuer that lead to its keys."""
    texts: tuple[str, ...]
    bound: bool = True
    """It names the key of whoever presents it."""
    longest_seconds: int | None = None
    without: tuple[str, ...] = ()
    document: str = ""
    """What `dwk` is when it is not there, as in the older wording."""


HOUR = 3600
KINDS = {
    AGENT: Kind(frozenset({"aauth-agent.json"}), ("sub", "jti")),
    PERSON: Kind(frozenset({"aauth-person.json"}), ("sub", "jti", "aud"), longest_seconds=HOUR),
    RESOURCE: Kind(
        frozenset({"aauth-resource.json"}),
        ("sub", "jti", "aud", "ps", "presented_jti", "agent_jkt"),
        bound=False,
    ),
    AUTH: Kind(
        frozenset({"aauth-person.json", "aauth-access.json"}),
        ("sub", "jti", "aud", "ps"),
        longest_seconds=HOUR,
        without=("agent", "act"),
    ),
}
OLDER_AGENT, OLDER_RESOURCE, OLDER_AUTH = "agent+jwt", "resource+jwt", "auth+jwt"
OLDER = {OLDER_AGENT: AGENT, OLDER_RESOURCE: RESOURCE, OLDER_AUTH: AUTH}
"""The types of the older wording, signed by `EdDSA`, and what each is called now. The subject of an agent may
be any name, tokens name their agent, and no person token comes before them."""
OLDER_KINDS = {
    OLDER_AGENT: replace(KINDS[AGENT], document="aauth-agent.json"),
    OLDER_RESOURCE: Kind(
        KINDS[RESOURCE].documents, ("aud", "agent", "agent_jkt"), bound=False, document="aauth-resource.json"
    ),
    OLDER_AUTH: Kind(
        KINDS[AUTH].documents,
        ("sub", "aud", "agent"),
        longest_seconds=HOUR,
        document="aauth-person.json",
    ),
}

LONGEST_TOKEN = 8 * 1024
LONGEST_KID = 200
LONGEST_OWNER = 240
"""Characters of `aauth:<iss>|<sub>`, by which we keep what belongs to an agent."""

LAST_SECOND = 2**53
"""NaN and infinity are not below it."""

COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
SERVER = re.compile(rf"https://((?:{LABEL}\.)*(?![0-9]+$){LABEL})")
LONGEST_HOST = 253
AGENT_NAME = re.compile(r"aauth:[A-Za-z0-9._+-]{1,255}@([a-z0-9.-]+)")
VISIBLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says. True once `verify` has returned, with the issuer's key, and while it is alive."""

    text: str = field(repr=False)
    typ: str
    alg: str
    kid: str
    issuer: str
    document: str
    """Where the issuer's keys are found: `{issuer}/.well-known/{document}`."""
    subject: str
    """"" in a resource token of the older wording, which names no person."""
    expires: float
    key: Mapping[str, Any] | None = field(repr=False)
    """The public key of whoever presents the token; with this one the request is signed."""
    claims: Mapping[str, Any] = field(repr=False)
    older: bool = False
    """In the older wording; pass it on to `signatures.verify`."""

    @property
    def person_server(self) -> str:
        """The agent's person server, or ""."""
        named: str = self.claims.get("ps", "")
        return named


def is_server(name: object) -> bool:
    """`name` is an identifier of a server: https and a host in lower case, with nothing after it (AA-414)."""
    if not isinstance(name, str):
        return False
    found = SERVER.fullmatch(name)
    return found is not None and len(found[1]) <= LONGEST_HOST


def read(
    text: str,
    *,
    accept: Collection[str] = (AGENT,),
    audience: str | None = "",
    lenient: bool = False,
    ours: str = "",
    now: float | None = None,
) -> Token:
    """What the token says; it is of an accepted type, says all that type must, and has not expired.

    Tokens for somebody must be for `audience`; None leaves that to the caller. `lenient` takes the older
    wording of the accepted types too. `ours` is a name of a server whatever it is like: the demo's has no
    https. Raises SignatureProblem: `invalid_jwt`, `expired_jwt`.
    """
    header, claims = _parts(text)
    typ, alg, kid = header.get("typ"), header.get("alg"), header.get("kid")
    older = lenient and isinstance(typ, str) and OLDER.get(typ) in accept
    if not isinstance(typ, str) or not (older or (typ in accept and typ in KINDS)):
        _refuse("The token is of another type than is needed here.")
    kind = OLDER_KINDS[typ] if older else KINDS[typ]
    if alg not in ALGORITHMS and not (older and alg == "EdDSA"):
        _refuse("The token is not signed by an algorithm that is accepted.")
    if "crit" in header or "b64" in header:
        _refuse("The token has header members that are not understood here.")
    if not isinstance(kid, str) or not 0 < len(kid) <= LONGEST_KID:
        _refuse("The token does not name its key.")
    for name in ("iss", "ps"):
        if (name in claims or name == "iss") and not _names_server(claims.get(name), ours):
            _refuse(f"{name} is no https name of a server.")
    document = claims.get("dwk", kind.document)
    if not isinstance(document, str) or document not in kind.documents:
        _refuse("dwk does not fit the token's type.")
    _check_texts(kind, claims)
    if any(name in claims for name in kind.without):
        _refuse("The token has claims that its type may not have.")
    _check_subject(claims, typ=typ, older=older)
    if "aud" in kind.texts and audience is not None and claims["aud"] != audience:
        _refuse("The token is for somebody else.")
    expires = _check_times(kind, claims)
    token = Token(
        text=text,
        typ=OLDER[typ] if older else typ,
        alg=str(alg),
        kid=kid,
        issuer=claims["iss"],
        document=document,
        subject=claims.get("sub", ""),
        expires=expires,
        key=_holder(claims) if kind.bound else None,
        claims=claims,
        older=older,
    )
    alive(token, now=now)
    return token


def alive(token: Token, *, now: float | None = None) -> None:
    """The token has not expired, to the second. Raises SignatureProblem."""
    if token.expires <= (time.time() if now is None else now):
        raise SignatureProblem("expired_jwt", "The token has expired.")


def verify(token: Token, jwk: Mapping[str, Any]) -> None:
    """The holder of `jwk`, a key of the issuer, signed the token. Raises SignatureProblem; repeatable.

    `invalid_jwt` may mean that the issuer has changed its key without changing the kid.
    """
    key = public_key(jwk, older=token.older)
    if jwk.get("kid", token.kid) != token.kid:
        raise SignatureProblem("unknown_key", "The key is not the one that the token names.")
    is_curve = token.alg == "ES256"
    if isinstance(key, Ed25519PublicKey) == is_curve:
        _refuse("The token is not signed by the algorithm of its key.")
    try:
        known = _jose_key(jwk["x"], jwk["y"] if is_curve else "")
        jws.deserialize_compact(token.text, known, registry=_registry(token.alg))
    except (JoseError, ValueError) as why:
        raise SignatureProblem("invalid_jwt", "The token is not signed by its issuer's key.") from why


def issue(
    claims: Mapping[str, Any], private_key: PrivateKey, kid: str, typ: str = AGENT, *, alg: str = ""
) -> str:
    """A token with these very claims. Says nothing about whether they suffice; see `read`. `alg` is what the
    key's algorithm is called, where that is not its name."""
    named = alg or public_jwk(private_key)["alg"]
    header = {"typ": typ, "alg": named, "kid": kid}
    key: OKPKey | ECKey
    if isinstance(private_key, Ed25519PrivateKey):
        key = OKPKey.import_key(private_key)
    else:
        key = ECKey.import_key(private_key)
    payload = json.dumps(claims, separators=(",", ":"), allow_nan=False)
    return jws.serialize_compact(header, payload, key, registry=_registry(named))


def agent_claims(
    issuer: str,
    subject: str,
    key: Mapping[str, Any],
    *,
    person_server: str = "",
    lifetime_seconds: int = HOUR,
    now: float | None = None,
) -> dict[str, Any]:
    """The claims of an agent token for the holder of the public key `key` (AA-411)."""
    issued = int(time.time() if now is None else now)
    claims: dict[str, Any] = {
        "iss": issuer,
        "dwk": "aauth-agent.json",
        "sub": subject,
        "jti": secrets.token_urlsafe(16),
        "cnf": {"jwk": dict(key)},
        "iat": issued,
        "exp": issued + lifetime_seconds,
    }
    return claims | {"ps": person_server} if person_server else claims


def _parts(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if len(text) > LONGEST_TOKEN:
        _refuse("The token is too long.")
    found = COMPACT.fullmatch(text)
    if found is None:
        _refuse("The token is no signed JWT.")
    return _object(found[1]), _object(found[2])


def _object(segment: str) -> dict[str, Any]:
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
        value = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as why:
        raise SignatureProblem("invalid_jwt", "The token is not made of JSON objects.") from why
    if not isinstance(value, dict):
        _refuse("The token is not made of JSON objects.")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("A member comes twice.")
    return members


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON.")


def _names_server(name: object, ours: str) -> bool:
    return is_server(name) or (bool(ours) and name == ours)


def _check_texts(kind: Kind, claims: Mapping[str, Any]) -> None:
    for name in {*kind.texts, *({"sub", "jti"} & claims.keys())}:
        value = claims.get(name)
        if not isinstance(value, str) or not VISIBLE.fullmatch(value):
            _refuse(f"{name} is missing, or not plain text.")
    if len(f"aauth:{claims['iss']}|{claims.get('sub', '')}") > LONGEST_OWNER:
        _refuse("iss and sub together are too long.")


def _check_subject(claims: Mapping[str, Any], *, typ: str, older: bool) -> None:
    """Agents have names of their issuer's domain; a sub-agent belongs to its parent's issuer."""
    names = ["parent_agent"] if "parent_agent" in claims else []
    if typ == AGENT:
        names.append("sub")
    if older:
        return
    host = claims["iss"].removeprefix("https://")
    for name in names:
        found = AGENT_NAME.fullmatch(claims[name]) if isinstance(claims[name], str) else None
        if found is None or found[1] != host:
            _refuse(f"{name} is no agent of this issuer.")


def _check_times(kind: Kind, claims: Mapping[str, Any]) -> float:
    """`iat` must be there and decides nothing else; `exp` is judged by `alive`."""
    issued, expires = claims.get("iat"), claims.get("exp")
    for value in (issued, expires):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LAST_SECOND:
            _refuse("iat and exp are needed, in seconds.")
    assert issued is not None
    assert expires is not None
    if kind.longest_seconds is not None and expires - issued > kind.longest_seconds:
        _refuse("The token lives longer than its type may.")
    return float(expires)


def _holder(claims: Mapping[str, Any]) -> dict[str, Any]:
    confirmed = claims.get("cnf")
    jwk = confirmed.get("jwk") if isinstance(confirmed, dict) else None
    if not isinstance(jwk, dict):
        _refuse("The token names no key of its holder.")
    return jwk


def _refuse(detail: str) -> NoReturn:
    raise SignatureProblem("invalid_jwt", detail)


class _Only(jws.JWSRegistry):
    """One algorithm and no other; members of the header that we do not know are ignored (RFC 7515, 4).

    That EdDSA is deprecated need not be said again for each older token.
    """

    max_header_length = LONGEST_TOKEN

    def get_alg(self, name: str) -> Any:
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError("Not the algorithm of this key.")
        return self.algorithms[name]


@lru_cache(maxsize=8)
def _registry(alg: str) -> jws.JWSRegistry:
    return _Only(algorithms=[alg], strict_check_header=False)


@lru_cache(maxsize=256)
def _jose_key(x: str, y: str) -> OKPKey | ECKey:
    """The key for joserfc, of which `public_key` has found that it is sound."""
    if y:
        return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": x, "y": y})
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": x})
