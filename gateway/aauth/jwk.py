"""Keys of AAuth: Ed25519 and P-256 as JWK, fully specified and sound, or refused (AA-406). Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc import jwk as jose

from gateway.aauth.signature_problem import ALGORITHMS, SignatureProblem

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey
PublicKey = Ed25519PublicKey | ec.EllipticCurvePublicKey

CURVES = {"Ed25519": ("OKP", "Ed25519"), "ES256": ("EC", "P-256")}
"""The key type and the curve that an algorithm demands."""
MEMBERS = {"OKP": ("crv", "kty", "x"), "EC": ("crv", "kty", "x", "y")}
"""What a thumbprint is made of (RFC 7638, RFC 8037)."""
COORDINATE = re.compile(r"[A-Za-z0-9_-]{43}")
"""32 bytes in base64url without padding."""

FIELD = 2**255 - 19
D = -121665 * pow(121666, -1, FIELD) % FIELD
SMALL_ORDER = frozenset(
    {
        0,
        1,
        FIELD - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)
"""The y of the points whose order divides 8: whoever names one as a key can sign everything with anything."""


def new_key(alg: str = "Ed25519") -> PrivateKey:
    """A fresh private key. Raises ValueError for an algorithm that is not ours."""
    if alg == "Ed25519":
        return Ed25519PrivateKey.generate()
    if alg == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    raise ValueError(f"{alg} is none of {', '.join(ALGORITHMS)}.")


def public_jwk(private_key: PrivateKey, kid: str = "") -> dict[str, str]:
    """The public half, with `alg`, and `kid` when there is one. Raises ValueError for another kind of key."""
    if isinstance(private_key, Ed25519PrivateKey):
        raw = private_key.public_key().public_bytes_raw()
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": _encoded(raw), "alg": "Ed25519"}
    elif isinstance(private_key.curve, ec.SECP256R1):
        point = private_key.public_key().public_numbers()
        x, y = (_encoded(number.to_bytes(32, "big")) for number in (point.x, point.y))
        jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y, "alg": "ES256"}
    else:
        raise ValueError("Only Ed25519 and P-256 keys sign here.")
    return jwk | {"kid": kid} if kid else jwk


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The name of a public key (RFC 7638, SHA-256). Raises SignatureProblem for what is no key of ours."""
    members = MEMBERS.get(_text(jwk, "kty"))
    if members is None:
        raise SignatureProblem("unsupported_algorithm", "Keys of this type are not accepted.")
    value = {name: _text(jwk, name) for name in members}
    if not all(value.values()):
        raise SignatureProblem("invalid_key", "The key is incomplete.")
    return jose.thumbprint(value)


def public_key(jwk: Mapping[str, Any], *, older: bool = False) -> PublicKey:
    """The key that a JWK describes, checked to be a sound one for its algorithm.

    `older` takes keys as the older texts wrote them: without `alg`, or with `EdDSA`; type and curve then
    decide, which they can for these two. Raises SignatureProblem: `unsupported_algorithm`, or
    `invalid_key`. Remembers the last keys it was asked for.
    """
    if not isinstance(jwk, Mapping):
        raise SignatureProblem("invalid_key", "The key is not a JWK.")
    if jwk.get("d") is not None or jwk.get("k") is not None:
        raise SignatureProblem("invalid_key", "The key is not a public key.")
    kty, crv, alg = _text(jwk, "kty"), _text(jwk, "crv"), _text(jwk, "alg")
    if older and alg in {"", "EdDSA"}:
        alg = next((name for name, curve in CURVES.items() if curve == (kty, crv)), alg)
        if jwk.get("alg") == "EdDSA" and alg != "Ed25519":
            raise SignatureProblem("invalid_key", "The algorithm does not fit the key.")
    if not alg:
        raise SignatureProblem("invalid_key", "The key does not name its algorithm.")
    if alg not in CURVES:
        raise SignatureProblem("unsupported_algorithm", "Keys of this algorithm are not accepted.")
    if (kty, crv) != CURVES[alg]:
        raise SignatureProblem("invalid_key", "The key's type and curve do not fit its algorithm.")
    if jwk.get("use", "sig") != "sig":
        raise SignatureProblem("invalid_key", "The key is not for signatures.")
    return _sound(alg, _text(jwk, "x"), _text(jwk, "y") if alg == "ES256" else "")


@lru_cache(maxsize=2048)
def _sound(alg: str, x: str, y: str) -> PublicKey:
    raw = _decoded(x)
    try:
        if alg == "ES256":
            point = ec.EllipticCurvePublicNumbers(
                int.from_bytes(raw, "big"), int.from_bytes(_decoded(y), "big"), ec.SECP256R1()
            )
            return point.public_key()
        if not _on_ed25519(raw):
            raise SignatureProblem("invalid_key", "The key is no point that can be used.")
        return Ed25519PublicKey.from_public_bytes(raw)
    except ValueError as why:
        raise SignatureProblem("invalid_key", "The key is no point that can be used.") from why


def _on_ed25519(raw: bytes) -> bool:
    """The bytes are the one encoding of a point of the curve, and not of one of the eight weak ones.

    OpenSSL looks at neither before it verifies (RFC 8032, 5.1.3).
    """
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= FIELD or y in SMALL_ORDER:
        return False
    squared = (y * y - 1) * pow(D * y * y + 1, -1, FIELD) % FIELD
    return pow(squared, (FIELD - 1) // 2, FIELD) == 1


def _text(jwk: Mapping[str, Any], name: str) -> str:
    value = jwk.get(name, "")
    if not isinstance(value, str):
        raise SignatureProblem("invalid_key", "The key has members that are not text.")
    return value


def _decoded(coordinate: str) -> bytes:
    if not COORDINATE.fullmatch(coordinate):
        raise SignatureProblem("invalid_key", "The key's coordinates are not 32 bytes in base64url.")
    try:
        return base64.urlsafe_b64decode(coordinate + "=")
    except binascii.Error as why:
        raise SignatureProblem("invalid_key", "The key's coordinates are not base64url.") from why


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
