"""Tokens: the type first, then what it must say, then who signed it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import warnings
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from gateway.aauth import tokens
from gateway.aauth.jwk import new_key, public_jwk
from gateway.aauth.signatures import SignatureProblem
from tests.aauth.signed_requests import ISSUER, KEYS, KID, NOW, PROVIDER, SUBJECT, claims, token

PUBLIC = public_jwk(PROVIDER, KID)
SHOP = "https://shop.example"


def encoded(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def made(header: Any, said: Any) -> str:
    """Signed by the issuer, whatever it says."""
    text = f"{encoded(header)}.{encoded(said)}"
    return f"{text}.{encoded(PROVIDER.sign(text.encode()))}"


def header(**changed: Any) -> dict[str, Any]:
    whole = {"typ": tokens.AGENT, "alg": "Ed25519", "kid": KID} | changed
    return {name: value for name, value in whole.items() if value is not None}


def verified(text: str, jwk: dict[str, str] = PUBLIC, **options: Any) -> tokens.Token:
    said = tokens.read(text, **({"now": NOW} | options))
    tokens.verify(said, jwk)
    return said


def problem(text: str, jwk: dict[str, str] = PUBLIC, **options: Any) -> SignatureProblem:
    with pytest.raises(SignatureProblem) as caught:
        verified(text, jwk, **options)
    return caught.value


def code(text: str, jwk: dict[str, str] = PUBLIC, **options: Any) -> str:
    return problem(text, jwk, **options).code


@pytest.mark.requirement("AA-411")
@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
def test_a_token_says_who_the_agent_is(alg: str):
    issuer = new_key(alg)
    text = tokens.issue(claims(ps="https://ps.example"), issuer, KID)

    said = verified(text, public_jwk(issuer, KID))

    assert (said.typ, said.alg, said.kid) == ("aa-agent+jwt", alg, KID)
    assert (said.issuer, said.subject, said.document) == (ISSUER, SUBJECT, "aauth-agent.json")
    assert said.person_server == "https://ps.example"
    assert said.key == public_jwk(KEYS["Ed25519"])
    assert said.expires == NOW + 3600
    assert not said.older


@pytest.mark.requirement("AA-411")
@pytest.mark.parametrize("name", ["iss", "dwk", "sub", "jti", "cnf", "iat", "exp"])
def test_nothing_may_be_missing(name: str):
    assert code(token(**{name: None})) == "invalid_jwt"


@pytest.mark.requirement("AA-411")
@pytest.mark.parametrize(
    "wrong",
    [
        {"dwk": "aauth-person.json"},
        {"dwk": ["aauth-agent.json"]},
        {"sub": "shopper@agents.example"},
        {"sub": "aauth:shopper"},
        {"sub": "aauth:@agents.example"},
        {"sub": "aauth:shopper@other.example"},
        {"sub": "aauth:shopper@sub.agents.example"},
        {"sub": "aauth:shopper@AGENTS.example"},
        {"sub": "aauth:a|b@agents.example"},
        {"sub": "aauth:a b@agents.example"},
        {"sub": "aauth:ü@agents.example"},
        {"sub": f"aauth:{'a' * 256}@agents.example"},
        {"sub": 5},
        {"jti": ""},
        {"jti": 5},
        {"jti": "two words"},
        {"cnf": "key"},
        {"cnf": {}},
        {"cnf": {"jwk": None}},
        {"cnf": {"jwk": []}},
        {"iat": "1800000000"},
        {"iat": True},
        {"exp": "1800003600"},
        {"exp": True},
        {"exp": 10**400},
        {"exp": -1},
        {"ps": "http://ps.example"},
        {"ps": "https://ps.example/"},
        {"ps": None, "parent_agent": "parent"},
        {"parent_agent": "aauth:parent@other.example"},
        {"parent_agent": 5},
    ],
    ids=str,
)
def test_claims_are_what_they_must_be(wrong: dict[str, Any]):
    assert code(token(**wrong)) == "invalid_jwt"


@pytest.mark.requirement("AA-411")
def test_names_are_compared_as_they_are_written():
    assert verified(token(sub="aauth:Big.and_small+1@agents.example")).subject.startswith("aauth:Big")
    assert verified(token(parent_agent="aauth:parent@agents.example"))


@pytest.mark.requirement("AA-411")
def test_names_fit_where_they_are_kept():
    room = 240 - len(f"aauth:{ISSUER}|aauth:@agents.example")

    assert verified(token(sub=f"aauth:{'a' * room}@agents.example"))
    assert code(token(sub=f"aauth:{'a' * (room + 1)}@agents.example")) == "invalid_jwt"


@pytest.mark.requirement("AA-411", "AA-407")
def test_a_token_ends_to_the_second():
    """No tolerance; and when it was issued decides nothing."""
    assert verified(token(exp=NOW + 1))
    assert code(token(exp=NOW)) == "expired_jwt"
    assert code(token(exp=NOW - 1)) == "expired_jwt"
    assert verified(token(exp=NOW + 0.5)).expires == NOW + 0.5
    assert verified(token(iat=NOW + 900))
    assert verified(token(iat=0, exp=NOW + 10))
    said = verified(token(exp=NOW + 1))
    with pytest.raises(SignatureProblem):
        tokens.alive(said, now=NOW + 1)


def test_now_is_now_unless_said_otherwise():
    text = tokens.issue(tokens.agent_claims(ISSUER, SUBJECT, PUBLIC), PROVIDER, KID)

    tokens.alive(tokens.read(text))
    with pytest.raises(SignatureProblem) as caught:
        tokens.read(token(exp=1_000_000_000))
    assert caught.value.code == "expired_jwt"


@pytest.mark.requirement("AA-414")
@pytest.mark.parametrize(
    ("name", "sound"),
    [
        ("https://agents.example", True),
        ("https://a", True),
        ("https://xn--bcher-kva.example", True),
        ("https://a-b.c1.example", True),
        ("http://agents.example", False),
        ("https://agents.example/", False),
        ("https://agents.example/path", False),
        ("https://agents.example:443", False),
        ("https://agents.example?a", False),
        ("https://agents.example#a", False),
        ("https://user@agents.example", False),
        ("https://Agents.example", False),
        ("HTTPS://agents.example", False),
        ("https://agents.example.", False),
        ("https://.example", False),
        ("https://-a.example", False),
        ("https://a-.example", False),
        ("https://a_b.example", False),
        ("https://bücher.example", False),
        ("https://127.0.0.1", False),
        ("https://[::1]", False),
        ("https://2130706433", False),
        ("https://", False),
        ("agents.example", False),
        (" https://agents.example", False),
        ("https://agents.example\n", False),
        (f"https://{'a' * 64}.example", False),
        (f"https://{'a.' * 130}example", False),
        (5, False),
        (None, False),
    ],
)
def test_servers_are_https_names_alone(name: Any, sound: bool):
    assert tokens.is_server(name) == sound
    if not sound:
        assert code(token(iss=name)) == "invalid_jwt"


@pytest.mark.requirement("AA-412")
@pytest.mark.parametrize(
    "typ",
    [
        "aa-person+jwt",
        "aa-resource+jwt",
        "aa-auth+jwt",
        "agent+jwt",
        "JWT",
        "at+jwt",
        "AA-AGENT+JWT",
        "application/aa-agent+jwt",
        "",
        None,
        5,
        ["aa-agent+jwt"],
    ],
)
def test_no_other_type_stands_in_for_an_agent_token(typ: Any):
    """T54: the type is looked at before anything else, the rest being as good as it can be."""
    refused = problem(made(header(typ=typ), claims(aud=SHOP)))

    assert refused.code == "invalid_jwt"
    assert refused.detail == "The token is of another type than is needed here."


def person(**changed: Any) -> dict[str, Any]:
    whole = claims(dwk="aauth-person.json", sub="pairwise-1", aud=SHOP) | changed
    return {name: value for name, value in whole.items() if value is not None}


def authorized(**changed: Any) -> dict[str, Any]:
    return person(ps="https://ps.example") | changed


def resource(**changed: Any) -> dict[str, Any]:
    whole = {"ps": "https://ps.example", "presented_jti": "j", "agent_jkt": "t", "cnf": None}
    return person(**whole | {"dwk": "aauth-resource.json"} | changed)


OTHERS = {tokens.PERSON: person, tokens.AUTH: authorized, tokens.RESOURCE: resource}


@pytest.mark.requirement("AA-412")
@pytest.mark.parametrize("typ", OTHERS)
@pytest.mark.parametrize("wanted", OTHERS)
def test_each_type_is_taken_where_it_is_wanted_and_nowhere_else(typ: str, wanted: str):
    """A person token and an auth token differ in little but their type."""
    text = tokens.issue(OTHERS[typ](), PROVIDER, KID, typ)

    if typ == wanted:
        said = verified(text, accept=(wanted,), audience=SHOP)
        assert said.typ == typ
        assert (said.key is None) == (typ == tokens.RESOURCE)
    else:
        assert code(text, accept=(wanted,), audience=SHOP) == "invalid_jwt"
    assert code(token(), accept=(wanted,), audience=SHOP) == "invalid_jwt"


@pytest.mark.requirement("AA-412")
@pytest.mark.parametrize("typ", OTHERS)
def test_tokens_for_others_are_refused(typ: str):
    text = tokens.issue(OTHERS[typ](), PROVIDER, KID, typ)

    assert code(text, accept=(typ,), audience="https://other.example") == "invalid_jwt"
    assert code(text, accept=(typ,)) == "invalid_jwt"


@pytest.mark.requirement("AA-412")
@pytest.mark.parametrize("typ", [tokens.PERSON, tokens.AUTH])
def test_tokens_about_people_live_an_hour(typ: str):
    for exp, sound in ((NOW + 3600, True), (NOW + 3601, False)):
        text = tokens.issue(OTHERS[typ](exp=exp), PROVIDER, KID, typ)
        if sound:
            assert verified(text, accept=(typ,), audience=SHOP)
        else:
            assert code(text, accept=(typ,), audience=SHOP) == "invalid_jwt"


@pytest.mark.requirement("AA-412")
@pytest.mark.parametrize(
    ("typ", "wrong"),
    [
        (tokens.PERSON, {"sub": None}),
        (tokens.PERSON, {"cnf": None}),
        (tokens.PERSON, {"dwk": "aauth-access.json"}),
        (tokens.AUTH, {"ps": 5}),
        (tokens.AUTH, {"sub": ""}),
        (tokens.AUTH, {"agent": SUBJECT}),
        (tokens.AUTH, {"act": {}}),
        (tokens.AUTH, {"cnf": {}}),
        (tokens.RESOURCE, {"presented_jti": ""}),
        (tokens.RESOURCE, {"agent_jkt": 5}),
        (tokens.RESOURCE, {"ps": "ps.example"}),
    ],
)
def test_the_other_types_say_what_they_must(typ: str, wrong: dict[str, Any]):
    text = tokens.issue(OTHERS[typ](**wrong), PROVIDER, KID, typ)

    assert code(text, accept=(typ,), audience=SHOP) == "invalid_jwt"


def test_an_access_server_may_authorize():
    text = tokens.issue(authorized(dwk="aauth-access.json"), PROVIDER, KID, tokens.AUTH)

    assert verified(text, accept=(tokens.AUTH,), audience=SHOP).document == "aauth-access.json"


@pytest.mark.requirement("AA-406")
@pytest.mark.parametrize(
    "alg", ["none", "NONE", "HS256", "EdDSA", "Ed448", "ES384", "RS256", "PS256", "ed25519", "", None, 5, []]
)
def test_other_algorithms_are_refused(alg: Any):
    """T54. An unsigned token, and one signed by the public key as a secret, are among them."""
    assert code(made(header(alg=alg), claims())) == "invalid_jwt"


@pytest.mark.requirement("AA-406")
@pytest.mark.parametrize("alg", ["none", "HS256", "Ed25519", "ES256"])
def test_forged_tokens_are_refused(alg: str):
    text = f"{encoded(header(alg=alg))}.{encoded(claims())}"
    secrets = [PUBLIC["x"].encode(), base64.urlsafe_b64decode(PUBLIC["x"] + "="), json.dumps(PUBLIC).encode()]

    assert code(f"{text}.") == "invalid_jwt"
    assert code(f"{text}.{encoded(bytes(64))}") == "invalid_jwt"
    for secret in secrets:
        forged = hmac.digest(secret, text.encode(), hashlib.sha256)
        assert code(f"{text}.{encoded(forged)}") == "invalid_jwt"


def test_a_key_that_is_not_the_issuers_does_not_verify():
    assert code(token(), public_jwk(new_key(), KID)) == "invalid_jwt"
    assert code(token(), public_jwk(new_key("ES256"), KID)) == "invalid_jwt"
    assert code(token(), PUBLIC | {"kid": "another"}) == "unknown_key"
    assert verified(token(), {name: value for name, value in PUBLIC.items() if name != "kid"})


@pytest.mark.requirement("AA-406")
def test_the_issuers_key_names_its_algorithm():
    unnamed = {name: value for name, value in PUBLIC.items() if name != "alg"}

    assert code(token(), unnamed) == "invalid_key"
    assert code(token(), PUBLIC | {"alg": "RS256"}) == "unsupported_algorithm"
    assert verified(token(), PUBLIC | {"y": "beside the point"})


@pytest.mark.parametrize(
    "changed", [{"crit": ["exp"]}, {"b64": False}, {"kid": None}, {"kid": ""}, {"kid": 5}, {"kid": "k" * 201}]
)
def test_headers_are_what_they_must_be(changed: dict[str, Any]):
    assert code(made(header(**changed), claims())) == "invalid_jwt"


def test_headers_that_nobody_knows_are_ignored():
    assert verified(made(header(note="unheard of", long="a" * 600), claims()))


def test_keys_that_a_token_brings_along_are_ignored():
    thief = new_key()
    text = f"{encoded(header(jwk=public_jwk(thief), jku='https://thief.example'))}.{encoded(claims())}"
    assert hasattr(thief, "sign")

    assert code(f"{text}.{encoded(thief.sign(text.encode()))}") == "invalid_jwt"
    assert verified(f"{text}.{encoded(PROVIDER.sign(text.encode()))}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "a.b",
        "a.b.c.d.e",
        f"{encoded([])}.{encoded({})}.AAAA",
        f"{encoded(header())}.{encoded([])}.AAAA",
        f"{encoded(header())}.{encoded(b'{')}.AAAA",
        f"{encoded(header())}.{encoded(bytes([255]))}.AAAA",
        f"{encoded(header())}.{encoded(b'[' * 4000)}.AAAA",
        f"{encoded(b'[' * 4000)}.{encoded(claims())}.AAAA",
        f"{encoded(header())}.{encoded(b'1' * 5000)}.AAAA",
        f"{encoded(header())}.{encoded(claims())}.",
        f"{encoded(header())}.{encoded(claims())}=.AAAA",
        f" {encoded(header())}.{encoded(claims())}.AAAA",
    ],
)
def test_malformed_tokens_are_refused(text: str):
    assert code(text) == "invalid_jwt"


def test_a_claim_comes_once_and_is_json():
    raw = json.dumps(claims())
    twice = (raw[:-1] + f', "sub": "{SUBJECT}"}}').encode()

    assert code(made(header(), twice)) == "invalid_jwt"
    assert code(made(raw.replace("iss", "typ").encode(), claims())) == "invalid_jwt"
    assert code(made(header(), raw.replace(str(NOW + 3600), "Infinity").encode())) == "invalid_jwt"
    assert code(made(header(), f'{raw[:-1]}, "note": NaN}}'.encode())) == "invalid_jwt"


def test_tokens_have_an_end():
    fits = token(note="a" * 5000)

    assert len(fits) < 8192
    assert verified(fits)
    assert problem(token(note="a" * 7000)).detail == "The token is too long."


@pytest.mark.requirement("AA-411")
def test_an_altered_token_does_not_verify():
    head, _, signature = token().split(".")

    assert code(f"{head}.{encoded(claims(sub='aauth:other@agents.example'))}.{signature}") == "invalid_jwt"


def old(alg: str = "EdDSA", typ: str = "agent+jwt", **changed: Any) -> str:
    """As the older texts wrote agent tokens."""
    said = claims(sub="delegate-7", **changed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return jws.serialize_compact(
            header(typ=typ, alg=alg), json.dumps(said), OKPKey.import_key(PROVIDER), algorithms=[alg]
        )


def test_older_agent_tokens_are_taken_where_they_are_wanted():
    unnamed = {name: value for name, value in PUBLIC.items() if name != "alg"}

    said = verified(old(), unnamed, lenient=True)

    assert said.older
    assert (said.typ, said.subject) == (tokens.AGENT, "delegate-7")
    assert verified(old(dwk=None), lenient=True).document == "aauth-agent.json"
    assert verified(old("Ed25519"), lenient=True).older
    assert code(old()) == "invalid_jwt"


@pytest.mark.requirement("AA-406")
def test_only_the_older_type_may_name_the_older_algorithm():
    assert code(old(typ="aa-agent+jwt"), lenient=True) == "invalid_jwt"
    assert code(old(), lenient=True, accept=(tokens.AUTH,), audience=SHOP) == "invalid_jwt"
    assert not verified(token(), lenient=True).older


@pytest.mark.parametrize(
    "wrong", [{"iss": "https://agents.example/x"}, {"dwk": "x"}, {"exp": NOW}, {"cnf": {}}, {"jti": None}]
)
def test_older_tokens_are_held_to_the_rest(wrong: dict[str, Any]):
    assert code(old(**wrong), lenient=True) in {"invalid_jwt", "expired_jwt"}


OLDER_SAID = {
    "resource+jwt": {"dwk": None, "sub": None, "cnf": None, "aud": SHOP, "agent": ISSUER, "agent_jkt": "x"},
    "auth+jwt": {"dwk": None, "aud": SHOP, "agent": ISSUER, "scope": "data.read"},
}
NEWEST = {"resource+jwt": tokens.RESOURCE, "auth+jwt": tokens.AUTH}


def older(typ: str, **changed: Any) -> str:
    return made(header(typ=typ, alg="EdDSA"), claims(**{**OLDER_SAID[typ], **changed}))


@pytest.mark.requirement("AA-412")
@pytest.mark.parametrize("typ", list(NEWEST))
def test_the_older_tokens_are_read_where_the_newer_are_wanted(typ: str):
    wanted = {"accept": (NEWEST[typ],), "audience": SHOP}
    said = verified(older(typ), **wanted, lenient=True)

    assert (said.typ, said.older) == (NEWEST[typ], True)
    assert said.document == {"resource+jwt": "aauth-resource.json", "auth+jwt": "aauth-person.json"}[typ]
    assert (said.key is None) == (typ == "resource+jwt")
    assert code(older(typ), **wanted) == "invalid_jwt"
    for others in (
        tokens.AGENT,
        tokens.PERSON,
        next(value for value in NEWEST.values() if value != NEWEST[typ]),
    ):
        assert code(older(typ), accept=(others,), audience=SHOP, lenient=True) == "invalid_jwt"
    for changed in (
        {"agent": None},
        {"agent": 5},
        {"aud": "https://other.example"},
        {"sub": 5},
        {"exp": None},
    ):
        assert code(older(typ, **changed), **wanted, lenient=True) == "invalid_jwt", changed
    assert code(older(typ, exp=NOW), **wanted, lenient=True) == "expired_jwt"


@pytest.mark.requirement("AA-414")
def test_our_own_name_is_a_name_whatever_it_is_like():
    ours = "http://localhost:8000"
    named = claims(ps=ours)
    text = tokens.issue(named, PROVIDER, KID)

    assert verified(text, ours=ours).person_server == ours
    for other in ("", "http://localhost:8001"):
        assert code(text, ours=other) == "invalid_jwt"
    assert code(tokens.issue({**named, "ps": ""}, PROVIDER, KID), ours="") == "invalid_jwt"
    person = {**named, "iss": ours, "dwk": "aauth-person.json", "sub": "p", "aud": SHOP}
    given = tokens.issue(person, PROVIDER, KID, tokens.PERSON)
    assert verified(given, accept=(tokens.PERSON,), audience=None, ours=ours).issuer == ours


def test_secrets_do_not_show():
    text = token()
    said = verified(text)

    assert text not in repr(said)
    assert "jti" not in repr(said)
