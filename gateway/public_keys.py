"""Public keys as their owners send them (PEM, JWK, base64url), and in the one form we keep.

No message repeats what was given: people paste private keys.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from gateway import strict_json
from gateway.models import Algorithm

LONGEST = 4096
ED25519_BYTES = 32
POINT_BYTES = 65
COORDINATE_BYTES = 32

Loaded = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey


class BadPublicKey(ValueError):
    """Not a key that can be used. The text says why and holds nothing of what was given."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key with the algorithm it is for, as SubjectPublicKeyInfo in base64url."""

    algorithm: Algorithm
    text: str


def read(given: str) -> PublicKey:
    """The key in `given`: PEM, one JWK, or the bare key in base64url. Raises BadPublicKey.

    Bare keys are 32 bytes for Ed25519, and an uncompressed point of 65 bytes for ES256.
    """
    given = given.strip()
    if not given:
        raise BadPublicKey("A public key is needed.")
    if len(given) > LONGEST:
        raise BadPublicKey("This is too long to be one public key.")
    if given.startswith("-----"):
        return _kept(_from_pem(given))
    if given.startswith("{"):
        return _kept(_from_jwk(given))
    return _kept(_from_bytes(_decoded(given, "The text")))


def fingerprint(text: str) -> str:
    """SHA-256 of the SubjectPublicKeyInfo in hexadecimal, to compare with the owner's."""
    return sha256(_decoded(text, "The key")).hexdigest()


@lru_cache(maxsize=256)
def load(text: str) -> Loaded:
    """The key that `read` gave as text; kept, because parsing costs as much as verifying."""
    key = serialization.load_der_public_key(_decoded(text, "The key"))
    assert isinstance(key, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey)
    return key


def _kept(key: Any) -> PublicKey:
    if isinstance(key, ed25519.Ed25519PublicKey):
        algorithm = Algorithm.ED25519
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        algorithm = Algorithm.ES256
    elif isinstance(key, ec.EllipticCurvePublicKey):
        raise BadPublicKey("This key is on another curve: only P-256 is taken (ES256).")
    else:
        raise BadPublicKey("This is a key of another kind: only Ed25519 and P-256 (ES256) are taken.")
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(algorithm, urlsafe_b64encode(spki).decode().rstrip("="))


def _from_pem(given: str) -> Any:
    heading = given.partition("\n")[0]
    if "PRIVATE KEY" in heading:
        raise BadPublicKey(
            "This is a private key, which nobody but its owner may have. Ask for a new pair's public key."
        )
    if "PUBLIC KEY" not in heading:
        raise BadPublicKey("This PEM block is no public key: it must begin with BEGIN PUBLIC KEY.")
    try:
        return serialization.load_pem_public_key(given.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise BadPublicKey("This PEM block cannot be read as a public key.") from None


def _from_jwk(given: str) -> Any:
    try:
        jwk = strict_json.loads(given.encode(errors="replace"))
    except strict_json.BadJSON:
        raise BadPublicKey("This begins like a JWK and is not valid JSON.") from None
    if "keys" in jwk:
        raise BadPublicKey("This is a set of keys: give one of them.")
    if "d" in jwk:
        raise BadPublicKey(
            "This is a private key, which nobody but its owner may have. Ask for a new pair's public key."
        )
    if jwk.get("use", "sig") != "sig":
        raise BadPublicKey('This JWK is not for signatures: its "use" says so.')
    kind = (jwk.get("kty"), jwk.get("crv"))
    if kind == ("OKP", "Ed25519"):
        _check_alg(jwk, ("Ed25519", "EdDSA"))
        return _from_bytes(_coordinate(jwk, "x"))
    if kind == ("EC", "P-256"):
        _check_alg(jwk, ("ES256",))
        return _from_bytes(b"\x04" + _coordinate(jwk, "x") + _coordinate(jwk, "y"))
    if jwk.get("kty") == "oct":
        raise BadPublicKey("This is a shared secret. Secrets are made here, not taken over.")
    raise BadPublicKey('This JWK is of another kind: "kty" and "crv" must be OKP, Ed25519 or EC, P-256.')


def _check_alg(jwk: dict[str, Any], allowed: tuple[str, ...]) -> None:
    if jwk.get("alg", allowed[0]) not in allowed:
        raise BadPublicKey('The "alg" of this JWK does not fit its kind.')


def _coordinate(jwk: dict[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    found = _decoded(value, f'The "{name}" of this JWK') if isinstance(value, str) else b""
    if len(found) != COORDINATE_BYTES:
        raise BadPublicKey(f'The "{name}" of this JWK must be {COORDINATE_BYTES} bytes in base64url.')
    return found


def _from_bytes(raw: bytes) -> Any:
    if len(raw) == ED25519_BYTES:
        return ed25519.Ed25519PublicKey.from_public_bytes(raw)
    if len(raw) != POINT_BYTES or raw[0] != 4:
        raise BadPublicKey(
            "A bare public key must be 32 bytes (Ed25519) or an uncompressed point of 65 bytes (P-256)."
        )
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    except ValueError:
        raise BadPublicKey("This point is not on the curve P-256.") from None


_BASE64URL = re.compile(r"[A-Za-z0-9_-]+={0,2}", re.ASCII)


def _decoded(given: str, what: str) -> bytes:
    if not _BASE64URL.fullmatch(given) or len(given.rstrip("=")) % 4 == 1:
        raise BadPublicKey(f"{what} is not base64url.")
    bare = given.rstrip("=")
    return urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
