"""Providers that publish or answer strange things: nobody is sent away, nothing passes, nobody is
flooded (ACP-154; reliability-security T26, T30, T60)."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from interventions.errors import ProviderSilent
from interventions.http import NoReply, Reply
from interventions.ports import Challenge, NotYet, Passed, Refused
from interventions.providers.openid import Arrangement, OpenIdProvider
from interventions.providers.openid_published import CAP_SECONDS, FLOOR_SECONDS, RETRY_SECONDS

ISSUER = "https://bank.example/oidc"
RETURN_TO = "https://shop.example/agentic/confirm/t/return"
ASKED = Challenge("int_1", "redirect", "cs_1", amount=2_800, currency="usd")
ARRANGED = Arrangement(ISSUER, "shop", "a secret", readback_url="https://bank.example/books/{id}")
EVIDENCE = {"code": "c", "nonce": "n", "code_verifier": "v", "return_to": RETURN_TO}
KEY = ECKey.generate_key("P-256", {"use": "sig"})


class Server:
    """Implements the Http port: a provider with an answer for each address, counted."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.now = 1_000.0
        self.answers: dict[str, Reply | None] = {}
        self.publish()
        self.keys(KEY)

    def publish(self, headers: Mapping[str, str] | None = None, **changed: object) -> None:
        content = {
            "issuer": ISSUER,
            "authorization_endpoint": "https://bank.example/authorize",
            "token_endpoint": "https://bank.example/token",
            "jwks_uri": "https://bank.example/keys",
        } | changed
        self.say(f"{ISSUER}/.well-known/openid-configuration", content, headers=headers)

    def keys(self, *keys: ECKey) -> None:
        self.say("https://bank.example/keys", KeySet(list(keys)).as_dict(private=False))

    def say(
        self, url: str, content: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.answers[url] = Reply(status, headers or {}, body)

    def token(self, token: str) -> None:
        self.say("https://bank.example/token", {"id_token": token, "token_type": "Bearer"})

    def provider(self, arranged: Arrangement = ARRANGED) -> OpenIdProvider:
        return OpenIdProvider(arranged, self, clock=lambda: self.now)

    def request(self, method: str, url: str, **_: Any) -> Reply:
        self.asked.append(url)
        answer = self.answers.get(url)
        if answer is None:
            raise NoReply
        return answer

    def count(self, url: str) -> int:
        return self.asked.count(url)


def claims(**changed: object) -> dict[str, Any]:
    now = int(time.time())
    right = {
        "iss": ISSUER,
        "aud": "shop",
        "sub": "somebody",
        "iat": now,
        "exp": now + 300,
        "nonce": "n",
        "confirmation": {"id": "int_1", "amount": 2_800, "currency": "usd"},
    } | changed
    return {name: value for name, value in right.items() if value is not None}


def signed(key: ECKey = KEY, header: Mapping[str, object] | None = None, **changed: object) -> str:
    key.ensure_kid()
    return jwt.encode({"alg": "ES256", "kid": key.kid, **(header or {})}, claims(**changed), key)


@pytest.fixture
def server() -> Server:
    return Server()


# Where people and secrets may go -------------------------------------------------------------

FOREIGN = [
    "http://bank.example/x",
    "https://evil.example/x",
    "https://bank.example.evil.example/x",
    "https://bank.example:8443/x",
    "https://bank.example@evil.example/x",
    "https://bank.example\\@evil.example/x",
    "https://evil.example#bank.example",
    "//bank.example/x",
    "/x",
    "javascript:alert(1)//https://bank.example",
    "data:text/html,x",
    " https://bank.example/x",
    "https://bank.example/x\r\ny",
    "https://b\u0430nk.example/x",
    "http://127.0.0.1/x",
    "",
    None,
    7,
    ["https://bank.example/x"],
]


@pytest.mark.parametrize("address", FOREIGN, ids=repr)
def test_nobody_is_sent_to_an_address_that_is_not_the_providers(server: Server, address: object) -> None:
    """T30."""
    server.publish(authorization_endpoint=address)

    with pytest.raises(ProviderSilent) as refused:
        server.provider().begin(ASKED, return_to=RETURN_TO, state="s")
    assert "evil" not in str(refused.value)


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("address", FOREIGN, ids=repr)
def test_no_secret_is_sent_to_an_address_that_is_not_the_providers(
    server: Server, name: str, address: object
) -> None:
    """T26."""
    server.publish(**{name: address})

    with pytest.raises(ProviderSilent):
        server.provider().verify(ASKED, EVIDENCE)
    assert server.asked == [f"{ISSUER}/.well-known/openid-configuration"]


def test_a_provider_may_have_its_pages_and_servers_elsewhere_by_arrangement(server: Server) -> None:
    server.publish(
        authorization_endpoint="https://login.example/a?tenant=1", token_endpoint="https://api.example/t"
    )
    arranged = replace(
        ARRANGED, page_origins=("https://login.example",), server_origins=("https://api.example",)
    )

    part = server.provider(arranged)

    assert part.begin(ASKED, return_to=RETURN_TO, state="s").url.startswith(
        "https://login.example/a?tenant=1&response_type=code&"
    )
    assert part.origins == ("https://login.example",)


@pytest.mark.parametrize("issuer", ["https://bank.example/other", ISSUER + "/", None, 7])
def test_the_description_of_somebody_else_is_none(server: Server, issuer: object) -> None:
    """OpenID Connect Discovery 4.3."""
    server.publish(issuer=issuer)

    with pytest.raises(ProviderSilent):
        server.provider().begin(ASKED, return_to=RETURN_TO, state="s")


# Tokens --------------------------------------------------------------------------------------


def test_a_right_token_passes(server: Server) -> None:
    """The control of everything below."""
    server.token(signed())

    assert server.provider().verify(ASKED, EVIDENCE) == Passed()


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": None},
        {"iss": ISSUER + "/"},
        {"iss": [ISSUER]},
        {"aud": None},
        {"aud": "shop2"},
        {"aud": []},
        {"aud": ["shop", "other"]},
        {"aud": ["shop", "other"], "azp": "other"},
        {"azp": "other"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"exp": None},
        {"exp": 1},
        {"exp": "9999999999"},
        {"iat": None},
        {"iat": 9_999_999_999},
        {"nbf": 9_999_999_999},
        {"nonce": None},
        {"nonce": "m"},
        {"nonce": ""},
        {"confirmation": None},
        {"confirmation": "int_1"},
        {"confirmation": []},
        {"confirmation": {}},
        {"confirmation": {"id": "int_2", "amount": 2_800, "currency": "usd"}},
        {"confirmation": {"id": ["int_1"], "amount": 2_800, "currency": "usd"}},
    ],
    ids=repr,
)
def test_a_claim_that_is_not_right_proves_nothing(server: Server, changed: dict[str, object]) -> None:
    server.token(signed(**changed))

    assert server.provider().verify(ASKED, EVIDENCE) == NotYet()


def test_a_token_for_several_that_was_made_for_us_passes(server: Server) -> None:
    """OpenID Connect Core 3.1.3.7."""
    server.token(signed(aud=["other", "shop"], azp="shop"))

    assert server.provider().verify(ASKED, EVIDENCE) == Passed()


@pytest.mark.parametrize(
    "confirmed",
    [
        {"id": "int_1"},
        {"id": "int_1", "amount": 2_801, "currency": "usd"},
        {"id": "int_1", "amount": 2_800.0, "currency": "usd"},
        {"id": "int_1", "amount": "2800", "currency": "usd"},
        {"id": "int_1", "amount": 2_800, "currency": "USD"},
        {"id": "int_1", "amount": 2_800, "currency": "eur"},
        {"id": "int_1", "amount": None, "currency": None},
    ],
    ids=repr,
)
def test_the_amount_is_compared_exactly(server: Server, confirmed: dict[str, object]) -> None:
    server.token(signed(confirmation=confirmed))
    server.say("https://bank.example/books/int_1", {**confirmed, "status": "approved"})
    part = server.provider()

    assert part.verify(ASKED, EVIDENCE) == Refused("another amount")
    assert part.verify(ASKED, {}) == Refused("another amount")


def _odd() -> dict[str, str]:
    good = signed()
    head, body, signature = good.split(".")
    shared = OctKey.import_key(json.dumps(KEY.as_dict(private=False)))

    def part(content: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    return {
        "empty": "",
        "no dots": "x",
        "two parts": f"{head}.{body}",
        "four parts": f"{good}.x",
        "no signature": f"{head}.{body}.",
        "cut": good[:-4],
        "another body": f"{head}.{part(claims(sub='else'))}.{signature}",
        "none": f"{part({'alg': 'none'})}.{body}.",
        "none with a signature": f"{part({'alg': 'none'})}.{body}.{signature}",
        "public key as a shared secret": jwt.encode(
            {"alg": "HS256", "kid": KEY.kid}, claims(), shared, algorithms=["HS256"]
        ),
        "algorithm missing": f"{part({})}.{body}.{signature}",
        "algorithm a list": f"{part({'alg': ['ES256']})}.{body}.{signature}",
        "algorithm of another family": f"{part({'alg': 'RS256', 'kid': KEY.kid})}.{body}.{signature}",
        "header a list": f"{part([])}.{body}.{signature}",
        "header a number": f"{part(1)}.{body}.{signature}",
        "critical": f"{part({'alg': 'ES256', 'kid': KEY.kid, 'crit': ['exp']})}.{body}.{signature}",
        "key id a number": f"{part({'alg': 'ES256', 'kid': 1})}.{body}.{signature}",
        "own key": signed(ECKey.generate_key("P-256"), {"jwk": KEY.as_dict(private=False)}),
        "own key, our id": signed(ECKey.generate_key("P-256"), {"kid": KEY.kid}),
        "claims a list": f"{head}.{part([1])}.{signature}",
        "not base64": "!!!.???.***",
        "not text": "é.é.é",
        "deep": f"{part({'alg': 'ES256'})}.{base64.urlsafe_b64encode(b'[' * 9_000).decode()}.{signature}",
    }


KEY.ensure_kid()
ODD = _odd()


@pytest.mark.parametrize("name", ODD)
def test_an_odd_token_proves_nothing(server: Server, name: str) -> None:
    server.token(ODD[name])

    assert server.provider().verify(ASKED, EVIDENCE) == NotYet()


# Answers -------------------------------------------------------------------------------------

GARBAGE: list[object] = [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"<html>", b"[" * 50_000, {}]


@pytest.mark.parametrize(
    "content", [*GARBAGE, {"id_token": None}, {"id_token": 7}, {"id_token": "x" * 20_000}]
)
def test_an_answer_that_cannot_be_used_is_silence(server: Server, content: object) -> None:
    """T60: nothing is known then; the code may have been used up."""
    server.say("https://bank.example/token", content)

    with pytest.raises(ProviderSilent):
        server.provider().verify(ASKED, EVIDENCE)


@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 429, 500, 503])
def test_another_status_is_silence(server: Server, status: int) -> None:
    server.say("https://bank.example/token", {"error": "invalid_client", "id_token": signed()}, status)
    server.say("https://bank.example/books/int_1", {"id": "int_1", "status": "approved"}, status)
    part = server.provider()

    with pytest.raises(ProviderSilent):
        part.verify(ASKED, EVIDENCE)
    if status == 404:
        assert part.verify(ASKED, {}) == NotYet()
    else:
        with pytest.raises(ProviderSilent):
            part.verify(ASKED, {})


@pytest.mark.parametrize(
    "booked",
    [
        {},
        {"id": "int_1"},
        {"id": "int_1", "status": "pending"},
        {"id": "int_1", "status": "abandoned"},
        {"id": "int_1", "status": "APPROVED"},
        {"id": "int_1", "status": ["approved"]},
        {"id": "int_2", "status": "approved", "amount": 2_800, "currency": "usd"},
        {"id": "int_2", "status": "denied"},
        {"status": "denied"},
    ],
    ids=repr,
)
def test_books_that_do_not_say_yes_or_no_to_this_are_no_verdict(server: Server, booked: object) -> None:
    server.say("https://bank.example/books/int_1", booked)

    assert server.provider().verify(ASKED, {}) == NotYet()


def test_a_provider_without_books_has_nothing_to_say_without_a_code(server: Server) -> None:
    assert server.provider(replace(ARRANGED, readback_url="")).verify(ASKED, {}) == NotYet()
    assert server.asked == []


def test_the_id_is_one_part_of_the_books_address(server: Server) -> None:
    odd = replace(ASKED, id="../int 1?x")
    server.say("https://bank.example/books/..%2Fint%201%3Fx", {"id": "../int 1?x", "status": "denied"})

    assert server.provider().verify(odd, {}) == Refused("denied")


# What is kept --------------------------------------------------------------------------------


def test_unknown_key_ids_cause_one_question_a_minute(server: Server) -> None:
    """T26: an unknown-`kid` flood."""
    part = server.provider()
    for _ in range(20):
        server.token(signed(ECKey.generate_key("P-256")))
        assert part.verify(ASKED, EVIDENCE) == NotYet()
    assert server.count("https://bank.example/keys") == 1

    server.now += FLOOR_SECONDS + 1
    assert part.verify(ASKED, EVIDENCE) == NotYet()
    assert server.count("https://bank.example/keys") == 2


def test_a_new_key_is_found_when_it_is_used(server: Server) -> None:
    part, new = server.provider(), ECKey.generate_key("P-256", {"use": "sig"})
    server.token(signed())
    assert part.verify(ASKED, EVIDENCE) == Passed()

    server.keys(new)
    server.token(signed(new))
    server.now += FLOOR_SECONDS + 1

    assert part.verify(ASKED, EVIDENCE) == Passed()


@pytest.mark.parametrize(
    ("said", "kept_seconds"),
    [
        ("", FLOOR_SECONDS),
        ("no-store", FLOOR_SECONDS),
        ("max-age=0", FLOOR_SECONDS),
        ("public, max-age=3600", 3600),
        ("max-age=999999999", CAP_SECONDS),
        ("s-max-age=5, x-max-age=7200", FLOOR_SECONDS),
    ],
)
def test_a_description_is_kept_as_long_as_it_says_within_limits(
    server: Server, said: str, kept_seconds: float
) -> None:
    server.publish({"cache-control": said})
    part, where = server.provider(), f"{ISSUER}/.well-known/openid-configuration"
    for moment in (0, kept_seconds - 1):
        server.now = 1_000 + moment
        part.begin(ASKED, return_to=RETURN_TO, state="s")
    assert server.count(where) == 1

    server.now = 1_000 + kept_seconds + 1
    part.begin(ASKED, return_to=RETURN_TO, state="s")
    assert server.count(where) == 2


def test_what_is_kept_bridges_an_outage_and_not_for_ever(server: Server) -> None:
    part, where = server.provider(), f"{ISSUER}/.well-known/openid-configuration"
    part.begin(ASKED, return_to=RETURN_TO, state="s")
    server.answers[where] = None

    server.now += CAP_SECONDS - 1
    assert part.begin(ASKED, return_to=RETURN_TO, state="s").url

    server.now += FLOOR_SECONDS + 2
    with pytest.raises(ProviderSilent):
        part.begin(ASKED, return_to=RETURN_TO, state="s")


def test_a_provider_that_is_down_is_not_asked_by_everybody(server: Server) -> None:
    part, where = server.provider(), f"{ISSUER}/.well-known/openid-configuration"
    server.answers[where] = None
    for _ in range(10):
        with pytest.raises(ProviderSilent):
            part.begin(ASKED, return_to=RETURN_TO, state="s")
    assert server.count(where) == 1

    server.publish()
    server.now += RETRY_SECONDS + 1
    assert part.begin(ASKED, return_to=RETURN_TO, state="s").url


def test_each_round_trip_has_its_own_secrets(server: Server) -> None:
    part = server.provider()
    first, second = (part.begin(ASKED, return_to=RETURN_TO, state="s") for _ in range(2))

    assert set(first.memory) == {"nonce", "code_verifier"}
    assert not set(first.memory.values()) & set(second.memory.values())
    assert all(len(value) >= 43 for value in first.memory.values())
