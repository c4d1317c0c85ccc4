"""Signatures in the profile of the draft: what must be signed, when, how, and what each failure says."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.aauth import signatures
from gateway.aauth.jwk import new_key, public_jwk, thumbprint
from gateway.aauth.signatures import Message, Signed
from tests.aauth.signed_requests import (
    KEYS,
    KID,
    NOW,
    check,
    problem,
    request,
    signed,
    token,
    with_headers,
    without,
)

BOTH = pytest.mark.parametrize("alg", ["Ed25519", "ES256"])


def covering(
    message: Message, listed: str, parameters: str = f";created={NOW}", label: str = "sig"
) -> Message:
    """The request signed by hand: whatever is listed, with whatever parameters."""
    added = {"signature-key": f"sig={signatures.by_jwt(token())}"}
    if message.body:
        added["content-digest"] = signatures.content_digest(message.body)
    return signed_over(with_headers(message, added), listed, parameters)


def signed_over(message: Message, listed: str, parameters: str = f";created={NOW}") -> Message:
    key = KEYS["Ed25519"]
    assert isinstance(key, Ed25519PrivateKey)
    names = [name.strip('"') for name in listed.split()]
    base = signatures.signature_base(message, names, f"({listed}){parameters}")
    raw = base64.b64encode(key.sign(base)).decode()
    return with_headers(
        message, {"signature-input": f"sig=({listed}){parameters}", "signature": f"sig=:{raw}:"}
    )


ENOUGH = '"@method" "@authority" "@path" "signature-key" "content-digest" "content-type"'


@BOTH
@pytest.mark.requirement("AA-400", "AA-401", "AA-402", "AA-406")
def test_what_was_signed_verifies(alg: str):
    said = check(signed(request(query="page=2"), alg), alg)

    assert said.label == "sig"
    assert said.covered == (
        "@method",
        "@authority",
        "@path",
        "@query",
        "signature-key",
        "content-digest",
        "content-type",
    )
    assert said.scheme == "jwt"
    assert said.parameters == {"jwt": said.parameters["jwt"]}
    assert said.legacy == frozenset()


@pytest.mark.requirement("AA-402")
def test_the_headers_of_a_signature_are_these():
    """A vector of our own: the key, the second and the request decide every byte."""
    message = Message("GET", "shop.example", "/aauth/pending/abc")

    headers = signatures.sign(
        message, KEYS["Ed25519"], signature_key=signatures.by_jwt("aaa.bbb.ccc"), created=NOW
    )

    assert headers == {
        "Signature-Key": 'sig=jwt;jwt="aaa.bbb.ccc"',
        "Signature-Input": 'sig=("@method" "@authority" "@path" "signature-key");created=1800000000',
        "Signature": "sig=:JqqHFabsua3VdvCmusM1O1fxBkKqZ66/uFL+tCHagrNY5Jlh"
        "AQ3yQmtu5g2Aak0mc/+YkxDMZDm+4EFq4DGoDw==:",
    }
    base = (
        b'"@method": GET\n"@authority": shop.example\n"@path": /aauth/pending/abc\n'
        b'"signature-key": sig=jwt;jwt="aaa.bbb.ccc"\n'
        b'"@signature-params": ("@method" "@authority" "@path" "signature-key");created=1800000000'
    )
    raw = base64.b64decode(headers["Signature"].removeprefix("sig=:").removesuffix(":"))
    public = Ed25519PublicKey.from_public_bytes(
        bytes.fromhex("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8")
    )
    public.verify(raw, base)


def test_the_example_of_the_standard_verifies():
    """RFC 9421, B.2.6."""
    message = Message(
        "POST",
        "example.com",
        "/foo",
        headers={
            "date": "Tue, 20 Apr 2021 02:07:55 GMT",
            "content-type": "application/json",
            "content-length": "18",
        },
    )
    covered = ("date", "@method", "@path", "@authority", "content-type", "content-length")
    raw = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    said = Signed(
        label="sig-b26",
        covered=covered,
        created=1618884473,
        expires=None,
        scheme="jwks_uri",
        parameters={"kid": "test-key-ed25519"},
        signature=base64.b64decode(raw),
        keyid="test-key-ed25519",
        inputs='("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"',
    )

    signatures.verify(
        said,
        message,
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": "Ed25519",
            "kid": "test-key-ed25519",
            "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
        },
    )


@pytest.mark.requirement("AA-400", "AA-407")
@pytest.mark.parametrize("name", ["signature", "signature-input", "signature-key"])
def test_all_three_headers_are_needed(name: str):
    assert problem(without(signed(), name)).code == "invalid_signature"
    assert problem(with_headers(signed(), {name: ""})).code == "invalid_signature"


@pytest.mark.requirement("AA-400")
@pytest.mark.parametrize("name", ["signature", "signature-input", "signature-key"])
def test_the_three_headers_share_a_label(name: str):
    message = signed()

    other = with_headers(message, {name: "other" + message.headers[name].removeprefix("sig")})

    assert problem(other).code == "invalid_signature"


@pytest.mark.requirement("AA-405")
def test_what_others_added_does_not_break_a_signature():
    """An unselected member may have any form: another scheme, an inner list, a flag."""
    message = request()
    key = f"{signatures.by_jwt(token())}, proxy=unheard-of;of=?1, odd=(a b), flag"
    message = signed(message, signature_key=key)

    added = {
        "signature": f'odd=("no" "bytes"), {message.headers["signature"]}, proxy=:AAAA:',
        "signature-input": f'odd=5, proxy=("@status";req);created=1, {message.headers["signature-input"]}',
    }

    assert check(with_headers(message, added)).label == "sig"


@pytest.mark.requirement("AA-405")
@pytest.mark.parametrize("scheme", ["hwk", "jwks_uri", "jkt-jwt", "jwks", "self-jwt", "x509", "cached", "x"])
def test_other_schemes_are_refused_with_the_one_that_is_taken(scheme: str):
    message = signed(signature_key=f'{scheme};jwt="aaa.bbb.ccc"')

    refused = problem(message)

    assert refused.code == "unsupported_scheme"
    assert refused.headers() == {
        "Signature-Error": "error=unsupported_scheme",
        "Accept-Signature-Scheme": "jwt",
    }


@pytest.mark.requirement("AA-405")
def test_servers_that_sign_for_themselves_are_read_where_they_are_expected():
    key = signatures.by_jwks_uri("https://ps.example", "aauth-person.json", KID)

    said = check(signed(signature_key=key), schemes=("jwks_uri",))

    assert said.parameters == {"id": "https://ps.example", "dwk": "aauth-person.json", "kid": KID}
    assert said.legacy == frozenset()
    assert problem(signed(), schemes=("jwks_uri",)).headers()["Accept-Signature-Scheme"] == "jwks_uri"


@pytest.mark.requirement("AA-401", "AA-407")
@pytest.mark.parametrize("missing", ENOUGH.replace('"', "").split())
def test_whatever_is_not_covered_is_named(missing: str):
    listed = " ".join(name for name in ENOUGH.split() if name != f'"{missing}"')

    refused = problem(covering(request(), listed))

    assert refused.code == "invalid_input"
    assert refused.headers() == {
        "Signature-Error": 'error=invalid_input, required_input=("@method" "@authority" "@path" '
        '"signature-key" "content-digest" "content-type")'
    }


@pytest.mark.requirement("AA-401")
def test_a_query_must_be_covered():
    message = covering(request("GET", query="limit=5"), '"@method" "@authority" "@path" "signature-key"')

    refused = problem(message)

    assert refused.code == "invalid_input"
    assert "@query" in refused.required


@pytest.mark.requirement("AA-401")
def test_authorization_must_be_covered():
    bare = '"@method" "@authority" "@path" "signature-key"'
    message = request("GET", headers={"authorization": "AAuth secret"})

    assert problem(covering(message, bare)).required[-1] == "authorization"
    assert "authorization" in check(signed(message)).covered
    assert (
        problem(with_headers(signed(message), {"authorization": "AAuth other"})).code == "invalid_signature"
    )
    assert problem(with_headers(signed(request("GET")), {"authorization": "x"})).code == "invalid_input"


@pytest.mark.requirement("AA-401")
def test_more_can_be_demanded():
    message = request(headers={"content-type": "application/json", "idempotency-key": "k1"})

    assert problem(signed(message), also=["Idempotency-Key"]).required[-1] == "idempotency-key"
    assert check(signed(message, also=["idempotency-key"]), also=["Idempotency-Key"])


@pytest.mark.requirement("AA-401")
@pytest.mark.parametrize(
    "listed",
    [
        f'{ENOUGH} "@path"',
        f'{ENOUGH} "content-type" "content-type"',
        f'{ENOUGH} "content-type";sf',
        f'{ENOUGH} "@method";req',
        f'{ENOUGH} "@query-param";name="a"',
        f'{ENOUGH} "@status"',
        f'{ENOUGH} "@signature-params"',
        f'{ENOUGH} "X-Upper"',
        f'{ENOUGH} ""',
        f'{ENOUGH} "two words"',
        f"{ENOUGH} token",
        f"{ENOUGH} 5",
        f"{ENOUGH} :AAAA:",
    ],
)
def test_lists_that_are_read_in_two_ways_are_refused(listed: str):
    message = with_headers(signed(), {"signature-input": f"sig=({listed});created={NOW}"})

    assert problem(message).code == "invalid_input"


@pytest.mark.requirement("AA-402")
@pytest.mark.parametrize(
    "parameters",
    [
        "",
        ";created",
        ';created="1800000000"',
        ";created=1800000000.0",
        ";created=now",
        ";created=@1800000000",
    ],
)
def test_created_is_needed(parameters: str):
    assert problem(covering(request(), ENOUGH, parameters)).code == "invalid_signature"


@pytest.mark.requirement("AA-402")
def test_alg_and_other_parameters_decide_nothing():
    for parameters in (';alg="hmac-sha256"', ";alg=5", ';nonce="n";tag="t"', ";unheard-of"):
        assert check(covering(request(), ENOUGH, f";created={NOW}{parameters}"))


@pytest.mark.requirement("AA-402")
def test_a_parameter_cannot_be_added():
    message = signed()

    more = message.headers["signature-input"] + ';nonce="n"'

    assert problem(with_headers(message, {"signature-input": more})).code == "invalid_signature"


@pytest.mark.requirement("AA-402")
@pytest.mark.parametrize("twice", [f";created={NOW};created={NOW}", f";created=1;created={NOW}"])
def test_a_parameter_comes_once(twice: str):
    assert problem(covering(request(), ENOUGH, twice)).code == "invalid_signature"


@pytest.mark.requirement("AA-402")
def test_keyid_must_name_the_key():
    assert check(signed(keyid=thumbprint(public_jwk(KEYS["Ed25519"])))).keyid
    assert problem(signed(keyid="another")).code == "invalid_key"
    assert problem(covering(request(), ENOUGH, f";created={NOW};keyid=5")).code == "invalid_signature"

    own = signatures.read(signed(keyid="mine"), now=NOW)
    signatures.verify(own, signed(keyid="mine"), public_jwk(KEYS["Ed25519"], "mine"))


@pytest.mark.requirement("AA-402")
@pytest.mark.parametrize(
    ("expires", "code"), [(NOW + 1, None), (NOW, "invalid_signature"), (0, "invalid_signature")]
)
def test_expires_is_honoured(expires: int, code: str | None):
    message = signed(expires=expires)

    if code is None:
        assert check(message).expires == expires
    else:
        assert problem(message).code == code


@pytest.mark.requirement("AA-402")
def test_expires_is_a_number():
    assert problem(covering(request(), ENOUGH, f';created={NOW};expires="later"')).code == "invalid_signature"


@pytest.mark.requirement("AA-403")
@pytest.mark.parametrize(
    ("created", "code"),
    [
        (NOW - 60, None),
        (NOW - 61, "invalid_signature"),
        (NOW + 60, None),
        (NOW + 61, "clock_skew"),
        (-NOW, "invalid_signature"),
        (999_999_999_999_999, "clock_skew"),
    ],
)
def test_signatures_are_good_for_a_minute(created: int, code: str | None):
    """T92: a minute either way. Beyond, the two directions say different things."""
    message = signed(created=created)

    if code is None:
        assert check(message).created == created
    else:
        assert problem(message).code == code


@pytest.mark.requirement("AA-403")
def test_the_window_can_be_set():
    assert problem(signed(created=NOW - 6), window=5).code == "invalid_signature"
    assert problem(signed(created=NOW + 6), window=5).code == "clock_skew"


@pytest.mark.requirement("AA-403")
def test_now_is_now_unless_said_otherwise():
    said = signatures.read(signed(created=None))

    assert abs(said.created - NOW) > 60


@BOTH
@pytest.mark.requirement("AA-401", "AA-409")
@pytest.mark.parametrize(
    "altered",
    [
        {"method": "PUT"},
        {"path": "/checkout_sessions/other"},
        {"path": "/checkout_sessions/"},
        {"path": "/%63heckout_sessions"},
        {"authority": "other.example"},
        {"authority": "shop.example:8443"},
        {"query": "page=3"},
        {"query": "page=2&"},
        {"body": b'{"line_items": [ ]}'},
        {"body": b""},
    ],
    ids=str,
)
def test_altered_requests_do_not_verify(altered: dict[str, Any], alg: str):
    message = signed(request(query="page=2"), alg)

    assert problem(replace(message, **altered), alg).code == "invalid_signature"


@pytest.mark.requirement("AA-401")
def test_a_query_that_was_taken_away_is_missed():
    assert problem(replace(signed(request(query="page=2")), query="")).code == "invalid_signature"


@pytest.mark.requirement("AA-401")
def test_a_body_and_a_query_cannot_be_added():
    message = signed(request("GET"))

    assert problem(replace(message, body=b"{}")).code == "invalid_input"
    assert problem(replace(message, query="a=1")).code == "invalid_input"


@pytest.mark.requirement("AA-400")
def test_hosts_are_compared_as_hosts():
    message = replace(signed(replace(request(), authority="Shop.example:443")), authority="shop.example")

    assert check(message)


@pytest.mark.requirement("AA-401", "AA-409")
@pytest.mark.parametrize("name", ["content-type", "content-digest"])
def test_altered_and_missing_headers_do_not_verify(name: str):
    message = signed()

    assert problem(with_headers(message, {name: "text/plain"})).code == "invalid_signature"
    assert problem(without(message, name)).code == "invalid_signature"


@pytest.mark.requirement("AA-401")
def test_another_key_cannot_be_put_under_a_signature():
    message = signed()

    swapped = {"signature-key": f"sig={signatures.by_jwt(token(sub='aauth:thief@agents.example'))}"}

    assert problem(with_headers(message, swapped)).code == "invalid_signature"


@BOTH
@pytest.mark.requirement("AA-406")
def test_another_key_does_not_verify(alg: str):
    message = signed(alg=alg)
    said = signatures.read(message, now=NOW)

    for other in ("Ed25519", "ES256"):
        with pytest.raises(signatures.SignatureProblem) as caught:
            signatures.verify(said, message, public_jwk(new_key(other)))
        assert caught.value.code == "invalid_signature"


@BOTH
@pytest.mark.requirement("AA-400")
@pytest.mark.parametrize("size", [0, 63, 64, 65, 128])
def test_signatures_of_zeros_and_of_another_size_do_not_verify(size: int, alg: str):
    raw = base64.b64encode(bytes(size)).decode()

    assert (
        problem(with_headers(signed(alg=alg), {"signature": f"sig=:{raw}:"}), alg).code == "invalid_signature"
    )


@pytest.mark.requirement("AA-406")
def test_a_public_key_is_no_secret():
    """T54: nobody signs with what everybody knows. An HMAC under the public key verifies as nothing."""

    message = signed()
    said = signatures.read(message, now=NOW)
    base = signatures.signature_base(message, said.covered, said.inputs)
    public = public_jwk(KEYS["Ed25519"])
    secret = base64.urlsafe_b64decode(public["x"] + "=")
    forged = hmac.digest(secret, base, hashlib.sha512)

    with pytest.raises(signatures.SignatureProblem) as caught:
        signatures.verify(replace(said, signature=forged), message, public)
    assert caught.value.code == "invalid_signature"
    symmetric = {"kty": "oct", "k": public["x"], "alg": "HS256"}
    with pytest.raises(signatures.SignatureProblem):
        signatures.verify(replace(said, signature=forged), message, symmetric)


@pytest.mark.requirement("AA-409")
def test_either_digest_is_taken_and_each_is_checked():
    body = request().body
    sha256 = signatures.content_digest(body)
    sha512 = f"sha-512=:{base64.b64encode(hashlib.sha512(body).digest()).decode()}:"
    wrong = f"sha-512=:{base64.b64encode(bytes(64)).decode()}:"

    def digested(value: str) -> Message:
        message = with_headers(
            request(),
            {"content-digest": value, "signature-key": f"sig={signatures.by_jwt(token())}"},
        )
        return signed_over(message, ENOUGH)

    for taken in (sha256, sha512, f"{sha256}, {sha512}", f"md5=:AAAA:, {sha512}"):
        assert check(digested(taken))
    for refused in (
        wrong,
        f"{sha256}, {wrong}",
        f"{wrong}, {sha256}",
        "md5=:AAAA:",
        "sha-256",
        "sha-256=(:AAAA:)",
        f"{sha256}, {sha256}",
        "",
        "!",
    ):
        assert problem(digested(refused)).code == "invalid_signature"


@pytest.mark.requirement("AA-407")
def test_checks_come_in_the_order_of_the_draft():
    """Everything is wrong at once; each repair shows the next failure."""
    wrong = {
        "listed": '"@method" "@authority" "signature-key" "content-digest" "content-type"',
        "created": NOW - 100,
        "scheme": 'x509;x5u="https://x.example"',
    }

    def made(listed: str, created: int, scheme: str) -> Message:
        message = replace(signed(signature_key=scheme), method="PUT")
        return with_headers(message, {"signature-input": f"sig=({listed});created={created}"})

    assert problem(without(made(**wrong), "signature")).code == "invalid_signature"
    assert problem(made(**wrong)).code == "invalid_input"
    wrong["listed"] = ENOUGH
    late = problem(made(**wrong))
    assert (late.code, late.detail) == ("invalid_signature", "The signature is too old.")
    wrong["created"] = NOW
    assert problem(made(**wrong)).code == "unsupported_scheme"
    wrong["scheme"] = "jwt"
    assert problem(made(**wrong)).code == "invalid_jwt"
    wrong["scheme"] = 'jwt;jwt="aaa.bbb.ccc"'
    message = made(**wrong)
    said = signatures.read(message, now=NOW)
    with pytest.raises(signatures.SignatureProblem) as caught:
        signatures.verify(said, message, public_jwk(KEYS["Ed25519"]) | {"alg": "RS256"})
    assert caught.value.headers() == {
        "Signature-Error": "error=unsupported_algorithm",
        "Accept-Signature-Alg": "Ed25519, ES256",
    }
    assert problem(message).detail == "The signature does not verify."


@pytest.mark.requirement("AA-407")
def test_a_refusal_has_a_document_of_its_own():
    refused = problem(without(signed(), "signature"))

    assert refused.body() == {
        "type": "urn:ietf:params:sig-error:invalid_signature",
        "title": "The signature is missing, malformed, too old or wrong.",
        "status": 401,
        "error": "invalid_signature",
        "detail": "Signature, Signature-Input and Signature-Key are needed.",
    }


@pytest.mark.requirement("AA-400")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("signature", "sig=5"),
        ("signature", 'sig="text"'),
        ("signature", "sig=(:AAAA:)"),
        ("signature", "sig"),
        ("signature", "sig=:not base64:"),
        ("signature", "sig=:AAAA:, sig=:AAAA:"),
        ("signature", "sig=:AAAA"),
        ("signature-input", "sig=5"),
        ("signature-input", "sig"),
        ("signature-input", "(,"),
        ("signature-input", 'sig=("@method");created=1, sig=("@method");created=1'),
        ("signature-key", 'sig="jwt"'),
        ("signature-key", "sig=5"),
        ("signature-key", "sig"),
        ("signature-key", "sig=(jwt)"),
        ("signature-key", 'sig=(scheme=jwt jwt="aaa.bbb.ccc")'),
        ("signature-key", "sig=jwt;jwt"),
        ("signature-key", "\u00e9"),
        ("signature-key", "sig=jwt;jwt=:AAAA:"),
    ],
)
def test_malformed_headers_are_refused(name: str, value: str):
    refused = problem(with_headers(signed(), {name: value}))

    assert refused.code == ("invalid_jwt" if value.startswith("sig=jwt;") else "invalid_signature")


@pytest.mark.requirement("AA-400")
@pytest.mark.parametrize("name", ["signature", "signature-input", "signature-key"])
def test_headers_have_an_end(name: str):
    message = signed()

    longer = message.headers[name] + "".join(f", x{n}" for n in range(4000))

    assert problem(with_headers(message, {name: longer})).detail.endswith("too long.")


@pytest.mark.requirement("AA-417")
def test_a_signature_is_ours_only_with_its_input():
    acp = {"signature": "c2lnbmVk", "timestamp": "2026-01-01T00:00:00Z"}

    assert not signatures.is_signed(acp)
    assert not signatures.is_signed({"signature-key": "sig=jwt"})
    assert signatures.is_signed(signed().headers)
    assert signatures.is_signed({"signature-input": ""})


def test_a_signature_has_one_name_however_it_is_written():
    """r and n-s verify where r and s do: who repeats a request that way is still known."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    message = signed(alg="ES256")
    said = check(message, "ES256")
    public = public_jwk(KEYS["ES256"])
    s = int.from_bytes(said.signature[32:], "big")
    twin = replace(said, signature=said.signature[:32] + (order - s).to_bytes(32, "big"))

    signatures.verify(twin, message, public)

    assert twin.signature != said.signature
    assert signatures.used(twin, public) == signatures.used(said, public)
    assert signatures.used(said, public) != signatures.used(check(signed(alg="ES256"), "ES256"), public)


def test_an_ed25519_signature_cannot_be_written_in_two_ways():
    order = 2**252 + 27742317777372353535851937790883648493
    message = signed()
    said = check(message)
    s = int.from_bytes(said.signature[32:], "little")
    twin = replace(said, signature=said.signature[:32] + (s + order).to_bytes(32, "little"))

    with pytest.raises(signatures.SignatureProblem):
        signatures.verify(twin, message, public_jwk(KEYS["Ed25519"]))


def test_what_cannot_be_signed_is_an_error_of_the_signer():
    with pytest.raises(ValueError, match="not there"):
        signed(request(headers={}))
    with pytest.raises(ValueError, match="not there"):
        signed(also=["x-missing"])
    with pytest.raises(ValueError, match="cannot be signed"):
        signed(request(path="/a\nb"))


def test_secrets_do_not_show():
    message = signed(request("GET", headers={"authorization": "AAuth secret"}))
    said = check(message)

    assert "secret" not in repr(message)
    assert said.parameters["jwt"] not in repr(said) + repr(message)
