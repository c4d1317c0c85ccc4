"""The older wording of signatures: understood where it is wanted, told apart, and refused elsewhere."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.aauth import signatures
from gateway.aauth.jwk import public_jwk
from gateway.aauth.signatures import Message
from tests.aauth.signed_requests import KEYS, NOW, check, problem, request, signed, token, with_headers

OLD_KEY = 'sig=(scheme=jwks_uri id="https://agent.supply-chain.example" kid="key-1")'
LISTED = '"@method" "@authority" "@path" "signature-key"'
BARE = public_jwk(KEYS["Ed25519"])
UNNAMED = {name: value for name, value in BARE.items() if name != "alg"}


def older(
    message: Message, key: str = OLD_KEY, listed: str = '"@method" "@authority" "@path" "signature-key"'
):
    """As the walkthrough signs: base64url without padding, the body left out, the header as it stands."""
    private = KEYS["Ed25519"]
    assert isinstance(private, Ed25519PrivateKey)
    message = with_headers(message, {"signature-key": key})
    inputs = f"({listed});created={NOW}"
    base = signatures.signature_base(message, [name.strip('"') for name in listed.split()], inputs)
    raw = base64.urlsafe_b64encode(private.sign(base)).rstrip(b"=").decode()
    return with_headers(message, {"signature-input": f"sig={inputs}", "signature": f"sig=:{raw}:"})


def verified(message: Message, jwk: dict[str, str] = BARE, **options: Any) -> signatures.Signed:
    said = signatures.read(message, now=NOW, lenient=True, **options)
    signatures.verify(said, message, jwk)
    return said


def test_the_requests_of_the_walkthrough_verify():
    said = verified(older(request("GET", path="/data-auth")), UNNAMED)

    assert said.scheme == "jwks_uri"
    assert said.parameters == {"id": "https://agent.supply-chain.example", "kid": "key-1"}
    assert said.legacy == {"signature", "signature-key", "scheme"}


def test_the_token_of_the_walkthrough_is_found():
    text = token()

    said = verified(older(request("GET"), f'sig=(scheme=jwt jwt="{text}")'))

    assert said.parameters == {"jwt": text}
    assert said.legacy == {"signature", "signature-key"}


def test_bodies_must_be_covered_unless_it_is_said_otherwise():
    """The older wording signed no bodies; nothing that costs money may be taken like that."""
    message = older(request())

    assert problem(message, lenient=True).code == "invalid_input"
    assert verified(message, bodies_covered=False).legacy == {"signature", "signature-key", "scheme", "body"}
    assert problem(message, lenient=True, bodies_covered=False, also=["content-type"]).code == "invalid_input"


def test_a_digest_that_is_covered_is_checked_all_the_same():
    listed = '"@method" "@authority" "@path" "signature-key" "content-digest"'
    body = request(headers={"content-digest": signatures.content_digest(b"another")})

    assert problem(older(body, listed=listed), lenient=True, bodies_covered=False).code == "invalid_signature"


def test_newest_requests_gain_nothing_by_it():
    """Who signs by today's wording is held to it."""
    assert check(signed(), lenient=True, bodies_covered=False).legacy == frozenset()
    plain = signed(request("GET"))
    with_body = Message(plain.method, plain.authority, plain.path, "", plain.headers, b"{}")
    assert problem(with_body, lenient=True, bodies_covered=False).code == "invalid_input"
    said = signatures.read(signed(), now=NOW, lenient=True)
    with pytest.raises(signatures.SignatureProblem) as caught:
        signatures.verify(said, signed(), UNNAMED)
    assert caught.value.code == "invalid_key"
    signatures.verify(said, signed(), UNNAMED, older=True)


def test_bytes_may_lack_their_padding_or_be_written_for_addresses():
    raw = base64.b64decode(signed().headers["signature"].removeprefix("sig=:").removesuffix(":"))
    standard = base64.b64encode(raw).decode()
    for text in (
        standard.rstrip("="),
        base64.urlsafe_b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).rstrip(b"=").decode(),
    ):
        message = with_headers(signed(), {"signature": f"sig=:{text}:"})
        if text == standard:
            continue
        assert check(message, lenient=True).legacy == {"signature"}
        assert problem(message).code == "invalid_signature"


def test_an_unpadded_member_beside_ours_does_not_break_it():
    message = signed()

    assert check(with_headers(message, {"signature": message.headers["signature"] + ", more=:AAA:"}))


def test_the_bare_key_is_a_key():
    """As the older wording and as today's draft of the header write it."""
    new = signed(request("GET"), signature_key=signatures.by_key(BARE))
    old = older(request("GET"), f'sig=(scheme=hwk kty="OKP" crv="Ed25519" x="{BARE["x"]}")')

    said = signatures.read(new, now=NOW, lenient=True)
    assert said.parameters == BARE
    signatures.verify(said, new, said.parameters)
    assert said.legacy == {"scheme"}
    said = signatures.read(old, now=NOW, lenient=True)
    signatures.verify(said, old, said.parameters)
    assert problem(new).code == "unsupported_scheme"


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ('jwks_uri;id="https://a.example"', "invalid_key"),
        ('jwks_uri;kid="k"', "invalid_key"),
        ("jwks_uri;id=5;kid=6", "invalid_key"),
        ('hwk;kty="OKP";crv="Ed25519";x="AAAA";alg="Ed25519";kid="k"', "invalid_key"),
        ('x509;x5u="https://a.example"', "unsupported_scheme"),
    ],
)
def test_older_keys_must_be_whole(key: str, code: str):
    assert problem(signed(signature_key=key), lenient=True).code == code


@pytest.mark.parametrize(
    "key",
    [
        "sig=(scheme=jwks_uri",
        "sig=()",
        "sig=(jwks_uri)",
        'sig=(scheme=jwks_uri id="a" kid="b") x',
        'sig=(scheme=jwks_uri,id="a",kid="b")',
        'sig=(id="a" kid="b" scheme=jwks_uri)',
        'sig=(scheme="jwks_uri" id="a" kid="b")',
        'sig=(scheme=jwks_uri id="a\\"b" kid="b")',
        'sig=(scheme=jwks_uri id="a"kid="b")',
        "sig=(scheme=jwks_uri" + ' a="b"' * 4000 + ")",
    ],
)
def test_nothing_near_the_older_key_is_guessed_at(key: str):
    assert problem(older(request("GET"), key), lenient=True).code == "invalid_signature"


@pytest.mark.requirement("AA-400")
def test_the_older_wording_is_refused_where_it_is_not_wanted():
    assert problem(older(request("GET"))).code == "invalid_signature"
    assert problem(older(request("GET"), f"sig={signatures.by_jwt(token())}")).code == "invalid_signature"
