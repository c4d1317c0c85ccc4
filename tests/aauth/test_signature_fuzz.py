"""Whatever comes, it is taken or it is a SignatureProblem: never another exception, never a wrong yes."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.aauth import jwk as keys
from gateway.aauth import signatures, tokens
from gateway.aauth.jwk import public_jwk
from gateway.aauth.signatures import Message, SignatureProblem
from tests.aauth.signed_requests import KEYS, NOW, PROVIDER, SUBJECT, claims, request, signed, token

CODES = {
    "invalid_signature",
    "invalid_input",
    "unsupported_scheme",
    "unsupported_algorithm",
    "invalid_key",
    "unknown_key",
    "invalid_jwt",
    "expired_jwt",
    "clock_skew",
}
ANYTHING = st.text(st.characters(codec=None, exclude_categories=()), max_size=200)
NEARLY = st.text('sig=()";:,?1a @-_.*=\\\t%', max_size=120)
PIECES = st.lists(
    st.sampled_from(
        [
            "sig", "=", "(", ")", '"@method"', '"@authority"', '"@path"', '"signature-key"', '"@query"', " ",
            ";created=1800000000", ";created", ";expires=1800000001", ";keyid", ';keyid="k"', ":", "AAAA", ",",
            "jwt", ';jwt="a.b.c"', "hwk", "jwks_uri", ';kid="k"', ';id="x"', "(scheme=jwt jwt=", '"a.b.c"', "?1",
            "@1", "@99999999999999", "1.5", '%"%c3%bc"', "-", "9" * 15,
        ]
    ),
    max_size=14,
).map("".join)  # fmt: skip
TEXT = ANYTHING | NEARLY | PIECES
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
HELD = public_jwk(KEYS["Ed25519"])
ORIGINAL = signed(request(query="a=1", headers={"content-type": "text/plain", "authorization": "AAuth x"}))


def judged(message: Message, **options: Any) -> str | None:
    """The code of the refusal, or None when it was taken."""
    try:
        said = signatures.read(message, now=NOW, **options)
        signatures.verify(said, message, HELD)
        signatures.used(said, HELD)
    except SignatureProblem as refused:
        assert refused.code in CODES
        assert all("\n" not in value and value.isascii() for value in refused.headers().values())
        return refused.code
    return None


@given(st.fixed_dictionaries(
    {}, optional=dict.fromkeys((*signatures.ALWAYS, "signature", "signature-input", "content-digest"), TEXT)
), st.booleans(), st.binary(max_size=8))  # fmt: skip
def test_any_headers(headers: dict[str, str], lenient: bool, body: bytes):
    message = Message("POST", "shop.example", "/", headers=headers, body=body)

    assert judged(message, lenient=lenient, bodies_covered=not lenient) is not None


@given(st.sampled_from(sorted(ORIGINAL.headers)), TEXT, st.booleans())
def test_any_header_of_a_signed_request_replaced(name: str, value: str, lenient: bool):
    message = replace(ORIGINAL, headers={**ORIGINAL.headers, name: value})

    assert judged(message, lenient=lenient) is not None or value.strip(" \t") == ORIGINAL.headers[name]


@settings(max_examples=300)
@given(st.data(), st.booleans())
def test_any_letter_of_a_signed_request_altered(data: st.DataObject, lenient: bool):
    """An altered request is refused, unless the header means the same as before."""
    name = data.draw(st.sampled_from(sorted(ORIGINAL.headers)))
    value = ORIGINAL.headers[name]
    at = data.draw(st.integers(0, len(value) - 1))
    letter = data.draw(st.characters(min_codepoint=0, max_codepoint=255))
    altered = (
        value[:at] + data.draw(st.sampled_from(["", letter])) + value[at + data.draw(st.integers(0, 1)) :]
    )
    message = replace(ORIGINAL, headers={**ORIGINAL.headers, name: altered})

    if judged(message, lenient=lenient) is None:
        assert name in {"signature", "signature-input"} or altered.strip(" \t") == value
        assert signatures.read(message, now=NOW, lenient=lenient).inputs == signatures.read(
            ORIGINAL, now=NOW
        ).inputs  # fmt: skip


@given(TEXT, TEXT, TEXT, TEXT, st.binary(max_size=20))
def test_any_request_line_and_body(method: str, authority: str, path: str, query: str, body: bytes):
    altered = Message(method, authority, path, query, ORIGINAL.headers, body)

    assert judged(altered) is not None


@given(
    st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "alg", "d", "use", "kid"]), JSON), st.booleans()
)
def test_any_key(jwk: dict[str, Any], older: bool):
    for made in (jwk, HELD | jwk, public_jwk(KEYS["ES256"]) | jwk):
        try:
            keys.public_key(made, older=older)
            keys.thumbprint(made)
            signatures.verify(signatures.read(ORIGINAL, now=NOW), ORIGINAL, made)
        except SignatureProblem as refused:
            assert refused.code in CODES


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_any_point(x: bytes, y: bytes):
    """Random bytes are a point of Ed25519 every second time, and of P-256 never."""
    encoded = [base64.urlsafe_b64encode(raw).rstrip(b"=").decode() for raw in (x, y)]
    for jwk in (HELD | {"x": encoded[0]}, public_jwk(KEYS["ES256"]) | {"x": encoded[0], "y": encoded[1]}):
        try:
            signatures.verify(signatures.read(ORIGINAL, now=NOW), ORIGINAL, jwk)
        except SignatureProblem as refused:
            assert refused.code in CODES
        else:
            assert encoded[0] == HELD["x"]


def read(text: str, lenient: bool) -> str | None:
    try:
        said = tokens.read(text, now=NOW, lenient=lenient)
        tokens.verify(said, public_jwk(PROVIDER, said.kid))
    except SignatureProblem as refused:
        assert refused.code in CODES
        return refused.code
    assert said.subject == SUBJECT
    return None


@given(ANYTHING | NEARLY | st.lists(st.binary(max_size=40), max_size=4).map(
    lambda parts: ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
), st.booleans())  # fmt: skip
def test_any_token(text: str, lenient: bool):
    assert read(text, lenient) == "invalid_jwt"


@given(st.data(), st.booleans())
def test_any_letter_of_a_token_altered(data: st.DataObject, lenient: bool):
    text = token()
    at = data.draw(st.integers(0, len(text) - 2))
    letter = data.draw(st.characters(min_codepoint=0, max_codepoint=255))
    altered = text[:at] + letter + text[at + 1 :]

    assert altered == text or read(altered, lenient) is not None


@given(
    st.dictionaries(st.sampled_from([*claims(), "ps", "parent_agent", "aud", "act"]), JSON, max_size=3),
    st.dictionaries(st.sampled_from(["typ", "alg", "kid", "crit", "b64", "jwk"]), JSON, max_size=2),
    st.booleans(),
)
def test_any_claims_and_any_header(said: dict[str, Any], header: dict[str, Any], lenient: bool):
    """As whoever has a key of an issuer can write them."""
    import json

    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"typ": tokens.AGENT, "alg": "Ed25519", "kid": "k"} | header, claims() | said)
    ]
    signed_part = b".".join(parts)
    assert hasattr(PROVIDER, "sign")
    raw = base64.urlsafe_b64encode(PROVIDER.sign(signed_part)).rstrip(b"=")
    text = (signed_part + b"." + raw).decode()

    try:
        found = tokens.read(text, now=NOW, lenient=lenient)
        tokens.verify(found, public_jwk(PROVIDER, found.kid))
    except SignatureProblem as refused:
        assert refused.code in CODES
    else:
        assert tokens.is_server(found.issuer)
        assert len(f"aauth:{found.issuer}|{found.subject}") <= 240
