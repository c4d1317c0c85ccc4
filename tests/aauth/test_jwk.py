"""Keys: fully specified, of the right curve, and no trap."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey, OKPKey

from gateway.aauth.jwk import FIELD, SMALL_ORDER, D, new_key, public_jwk, public_key, thumbprint
from gateway.aauth.signatures import SignatureProblem
from tests.aauth.signed_requests import KEYS

# The same in every process: they are in the names of tests.
ED, EC = public_jwk(KEYS["Ed25519"]), public_jwk(KEYS["ES256"])


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def refused(jwk: Any, **options: Any) -> str:
    with pytest.raises(SignatureProblem) as caught:
        public_key(jwk, **options)
    return caught.value.code


def without(jwk: dict[str, str], name: str) -> dict[str, str]:
    return {member: value for member, value in jwk.items() if member != name}


@pytest.mark.requirement("AA-406")
@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
def test_keys_name_their_algorithm(alg: str):
    key = new_key(alg)
    jwk = public_jwk(key, "k1")

    assert jwk["alg"] == alg
    assert jwk["kid"] == "k1"
    assert public_key(jwk).public_bytes_raw() if alg == "Ed25519" else public_key(jwk)  # type: ignore[union-attr]
    assert "d" not in jwk
    assert "kid" not in public_jwk(key)


@pytest.mark.requirement("AA-406")
def test_nothing_else_is_a_key():
    assert refused(without(ED, "alg")) == "invalid_key"
    assert refused(ED | {"alg": ""}) == "invalid_key"
    for alg in ("EdDSA", "none", "HS256", "RS256", "ES384", "Ed448", "ed25519", "es256"):
        assert refused(ED | {"alg": alg}) == "unsupported_algorithm"
    assert refused({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}) == "invalid_key"
    assert refused({"kty": "oct", "alg": "HS256"}) == "unsupported_algorithm"
    assert refused({"kty": "RSA", "n": "AQAB", "e": "AQAB", "alg": "PS256"}) == "unsupported_algorithm"
    assert refused({"kty": "AKP", "pub": "AQAB", "alg": "ML-DSA-44"}) == "unsupported_algorithm"


@pytest.mark.requirement("AA-406")
@pytest.mark.parametrize(
    "jwk",
    [
        ED | {"alg": "ES256"},
        EC | {"alg": "Ed25519"},
        EC | {"crv": "P-384"},
        EC | {"kty": "RSA"},
        ED | {"crv": "X25519"},
        ED | {"crv": "Ed448"},
        ED | {"kty": "EC"},
        without(ED, "crv"),
        without(EC, "crv"),
        without(ED, "kty"),
    ],
    ids=str,
)
def test_type_and_curve_agree_with_the_algorithm(jwk: dict[str, str]):
    assert refused(jwk) == "invalid_key"


@pytest.mark.requirement("AA-406")
@pytest.mark.parametrize(
    "jwk",
    [
        None,
        [],
        "key",
        {},
        ED | {"x": 5},
        ED | {"x": None},
        ED | {"x": ""},
        ED | {"x": ED["x"] + "="},
        ED | {"x": ED["x"][:-1]},
        ED | {"x": ED["x"] + "A"},
        ED | {"x": "é" * 43},
        ED | {"x": "\n" + ED["x"][1:]},
        ED | {"x": ED["x"].replace(ED["x"][5], "+")},
        ED | {"d": "AAAA"},
        ED | {"k": "AAAA"},
        ED | {"use": "enc"},
        ED | {"kty": ["OKP"]},
        ED | {"alg": {"Ed25519": 1}},
        without(ED, "x"),
        without(EC, "x"),
        without(EC, "y"),
        EC | {"y": EC["x"]},
        EC | {"x": encoded(bytes(32)), "y": encoded(bytes(32))},
        EC | {"x": encoded(b"\xff" * 32)},
    ],
    ids=repr,
)
def test_malformed_keys_are_refused(jwk: Any):
    assert refused(jwk) == "invalid_key"


def doubled(point: tuple[int, int]) -> tuple[int, int]:
    """On the curve of Ed25519 (RFC 8032, 5.1)."""
    x, y = point
    both = D * x * x * y * y
    return (
        2 * x * y * pow(1 + both, -1, FIELD) % FIELD,
        (y * y + x * x) * pow(1 - both, -1, FIELD) % FIELD,
    )


def x_of(y: int) -> int:
    square = (y * y - 1) * pow(D * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    if x * x % FIELD != square:
        x = x * pow(2, (FIELD - 1) // 4, FIELD) % FIELD
    assert x * x % FIELD == square
    return x


@pytest.mark.requirement("AA-406")
def test_the_weak_points_are_weak():
    """Eight times each of them is nothing; with their negatives they are all eight."""
    points = {(x, y) for y in SMALL_ORDER for x in (x_of(y), -x_of(y) % FIELD)}

    assert len(points) == 8
    for point in points:
        assert doubled(doubled(doubled(point))) == (0, 1)


@pytest.mark.requirement("AA-406")
def test_weak_points_are_no_keys():
    """T54: under such a key anybody's signature over anything could be made to verify."""
    for y in [*SMALL_ORDER, *(y + FIELD for y in SMALL_ORDER if y < 19)]:
        for sign in (0, 1 << 255):
            assert refused(ED | {"x": encoded((y | sign).to_bytes(32, "little"))}) == "invalid_key"


@pytest.mark.requirement("AA-406")
def test_points_beside_the_curve_are_no_keys():
    on, beside = 0, 0
    for y in range(2, 60):
        x = encoded(y.to_bytes(32, "little"))
        square = (y * y - 1) * pow(D * y * y + 1, -1, FIELD) % FIELD
        if pow(square, (FIELD - 1) // 2, FIELD) == 1:
            assert public_key(ED | {"x": x})
            on += 1
        else:
            assert refused(ED | {"x": x}) == "invalid_key"
            beside += 1
    assert on
    assert beside


def test_older_keys_may_leave_their_algorithm_away():
    """As the older texts wrote keys; type and curve then decide. Only where it is asked for."""
    for jwk in (ED, EC):
        assert public_key(without(jwk, "alg"), older=True)
    assert public_key(ED | {"alg": "EdDSA"}, older=True)
    assert refused(EC | {"alg": "EdDSA"}, older=True) == "invalid_key"
    assert refused(without(ED, "alg") | {"crv": "X25519"}, older=True) == "invalid_key"
    assert refused(ED | {"alg": "none"}, older=True) == "unsupported_algorithm"


def test_thumbprints_are_those_of_the_standard():
    """RFC 8037, A.3; and joserfc's for both kinds, whatever else the key says."""
    example = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "left out",
    }

    assert thumbprint(example) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert thumbprint(ED) == OKPKey.import_key(ED).thumbprint()
    assert thumbprint(EC) == ECKey.import_key(EC).thumbprint()


@pytest.mark.parametrize("jwk", [{}, {"kty": "RSA"}, {"kty": "OKP", "crv": "Ed25519"}, {"kty": 5}])
def test_what_is_no_key_has_no_thumbprint(jwk: dict[str, Any]):
    with pytest.raises(SignatureProblem):
        thumbprint(jwk)


def test_only_our_keys_are_made_and_written():
    with pytest.raises(ValueError, match="none of"):
        new_key("RS256")
    with pytest.raises(ValueError, match="sign here"):
        public_jwk(ec.generate_private_key(ec.SECP384R1()))
