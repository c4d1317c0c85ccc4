"""Whatever comes, it is taken or it is a SignatureProblem: never another exception, never a wrong yes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.aauth import jwk as keys
from gateway.aauth import signatures, tokens
from gateway.aauth.jwk import public_jwk
from gateway.aauth.signatures import Message, SignatureProblem
from tests.aauth.signed_requests import KEYS, NOW, PROVIDER, claims, request, signed, token

CODES = frozenset(
    """invalid_signature invalid_input unsupported_scheme unsupported_algorithm invalid_key unknown_key
    invalid_jwt expired_jwt clock_skew""".split()
)
HEADERS = ("signature", "signature-input", "signature-key", "content-digest", "content-type", "authorization")
ANYTHING = st.text(st.characters(codec=None, exclude_categories=()), max_size=200)
NEARLY = st.text('sig=()";:,?1a @-_.*=\\\t%', max_size=120)
PIECES = st.lists(
    st.sampled_from(
        """sig = ( ) "@method" "@authority" "@path" "signature-key" "@query" : AAAA , jwt hwk jwks_uri ?1 @1
        ;created=1800000000 ;created ;expires=1800000001 ;keyid ;keyid="k" ;jwt="a.b.c" ;kid="k" ;id="x" 1.5
        (scheme=jwt| jwt=| | @99999999999999 999999999999999 %"%c3%bc" "a.b.c" -""".split()
    ).map(lambda piece: piece.replace("|", " ")),
    max_size=14,
).map("".join)
TEXT = ANYTHING | NEARLY | PIECES
LETTER = st.characters(min_codepoint=0, max_codepoint=255)
SEGMENTS = st.lists(st.binary(max_size=40).map(lambda raw: encoded(raw)), max_size=4).map(".".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from(["kty", "crv", "x", "y", "alg", "d", "use", "kid"])
CLAIMS = st.sampled_from([*claims(), "ps", "parent_agent", "aud", "act"])
JOSE = st.sampled_from(["typ", "alg", "kid", "crit", "b64", "jwk"])

ED, EC = public_jwk(KEYS["Ed25519"]), public_jwk(KEYS["ES256"])
ORIGINAL = signed(request(query="a=1", headers={"content-type": "text/plain", "authorization": "AAuth x"}))
READ = signatures.read(ORIGINAL, now=NOW)


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def refusal(call: Callable[[], object]) -> str | None:
    """The code of the problem, or None when there was none. Any other exception is the test's failure."""
    try:
        call()
    except SignatureProblem as raised:
        problem = raised
    else:
        return None
    assert problem.code in CODES
    assert all("\n" not in value and value.isascii() for value in problem.headers().values())
    return problem.code


def judged(message: Message, **options: Any) -> str | None:
    def call() -> None:
        said = signatures.read(message, now=NOW, **options)
        signatures.verify(said, message, ED)
        signatures.used(said, ED)

    return refusal(call)


def judged_token(text: str, lenient: bool) -> str | None:
    def call() -> None:
        said = tokens.read(text, now=NOW, lenient=lenient)
        tokens.verify(said, public_jwk(PROVIDER, said.kid))
        assert tokens.is_server(said.issuer)
        assert len(f"aauth:{said.issuer}|{said.subject}") <= 240
        assert not said.person_server or tokens.is_server(said.person_server)

    return refusal(call)


@given(st.dictionaries(st.sampled_from(HEADERS), TEXT), st.booleans(), st.binary(max_size=8))
def test_any_headers(headers: dict[str, str], lenient: bool, body: bytes):
    message = Message("POST", "shop.example", "/", headers=headers, body=body)

    assert judged(message, lenient=lenient, bodies_covered=not lenient)


@given(st.sampled_from(HEADERS), TEXT, st.booleans())
def test_any_header_of_a_signed_request_replaced(name: str, value: str, lenient: bool):
    message = replace(ORIGINAL, headers={**ORIGINAL.headers, name: value})

    assert judged(message, lenient=lenient) or value.strip(" \t") == ORIGINAL.headers[name]


@settings(max_examples=300)
@given(st.data(), st.sampled_from(HEADERS), LETTER | st.just(""), st.booleans(), st.booleans())
def test_any_letter_of_a_signed_request_altered(
    data: st.DataObject, name: str, letter: str, inserted: bool, lenient: bool
):
    """An altered request is refused, unless its headers mean what they meant."""
    value = ORIGINAL.headers[name]
    at = data.draw(st.integers(0, len(value) - 1))
    altered = value[:at] + letter + value[at if inserted else at + 1 :]
    message = replace(ORIGINAL, headers={**ORIGINAL.headers, name: altered})

    if judged(message, lenient=lenient) is None:
        assert name in {"signature", "signature-input"} or altered.strip(" \t") == value
        assert signatures.read(message, now=NOW, lenient=lenient).inputs == READ.inputs


@given(TEXT, TEXT, TEXT, TEXT, st.binary(max_size=20))
def test_any_request_line_and_body(method: str, authority: str, path: str, query: str, body: bytes):
    assert judged(Message(method, authority, path, query, ORIGINAL.headers, body))


@given(st.dictionaries(MEMBERS, JSON), st.booleans())
def test_any_key(jwk: dict[str, Any], older: bool):
    for made in (jwk, ED | jwk, EC | jwk):
        refusal(lambda made=made: keys.public_key(made, older=older))
        refusal(lambda made=made: keys.thumbprint(made))
        refusal(lambda made=made: signatures.verify(READ, ORIGINAL, made, older=older))


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_any_point(x: bytes, y: bytes):
    ed25519, es256 = ED | {"x": encoded(x)}, EC | {"x": encoded(x), "y": encoded(y)}

    assert refusal(lambda: signatures.verify(READ, ORIGINAL, ed25519))
    assert refusal(lambda: signatures.verify(READ, ORIGINAL, es256)) == "invalid_key"


@given(ANYTHING | NEARLY | SEGMENTS, st.booleans())
def test_any_token(text: str, lenient: bool):
    assert judged_token(text, lenient) == "invalid_jwt"


@given(st.data(), LETTER, st.booleans())
def test_any_letter_of_a_token_altered(data: st.DataObject, letter: str, lenient: bool):
    """The last letter has bits that belong to no byte, so it is left out."""
    text = token()
    at = data.draw(st.integers(0, len(text) - 2))

    altered = text[:at] + letter + text[at + 1 :]

    assert altered == text or judged_token(altered, lenient)


@given(
    st.dictionaries(CLAIMS, JSON, max_size=3), st.dictionaries(JOSE, JSON, max_size=2), st.booleans()
)  # fmt: skip
def test_any_claims_and_any_header(said: dict[str, Any], header: dict[str, Any], lenient: bool):
    """As whoever holds a key of an issuer can write them."""
    assert isinstance(PROVIDER, Ed25519PrivateKey)
    parts = ({"typ": tokens.AGENT, "alg": "Ed25519", "kid": "k"} | header, claims() | said)
    text = ".".join(encoded(json.dumps(part).encode()) for part in parts)

    code = judged_token(f"{text}.{encoded(PROVIDER.sign(text.encode()))}", lenient)

    assert code is None or said or header
