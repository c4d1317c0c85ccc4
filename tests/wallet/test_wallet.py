"""The sandbox wallet keeps to the rules of a provider, so that what it breaks on request is all it breaks."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from gateway.wallet.books import Books, Grant
from tests.wallet.process import (
    AROUND,
    RETURN_TO,
    SECRET,
    Form,
    Wallet,
    brought_back,
    decide,
    http,
    open_page,
)
from tests.wallet.redirects import FORMS

pytestmark = pytest.mark.server
CLIENT = (quote("demo-shop", safe=""), quote(SECRET, safe=""))


class Trip:
    """One person is sent to confirm one purchase."""

    def __init__(self, wallet: Wallet, page: str = "authorize", **changed: str) -> None:
        self.wallet = wallet
        self.id = "int_" + secrets.token_hex(16)
        self.verifier = secrets.token_urlsafe(32)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {"id": self.id, "amount": 49_999, "currency": "usd", "description": "1 x <Tablet>"}
        self.given = {
            "response_type": "code",
            "client_id": "demo-shop",
            "redirect_uri": RETURN_TO,
            "scope": "openid",
            "state": secrets.token_urlsafe(32),
            "nonce": secrets.token_urlsafe(32),
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "confirmation": json.dumps(asked),
        } | changed
        self.url = f"{wallet.issuer}/{page}?{urlencode(self.given)}"

    def token(self, code: str, *, auth: tuple[str, str] | None = CLIENT, **changed: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": RETURN_TO,
            "code_verifier": self.verifier,
        } | changed
        return http.post(f"{self.wallet.issuer}/token", data=form, auth=auth)

    def books(self, auth: tuple[str, str] | None = CLIENT) -> httpx.Response:
        return http.get(f"{self.wallet.issuer}/confirmations/{self.id}", auth=auth)


def keys(wallet: Wallet) -> KeySet:
    return KeySet.import_key_set(http.get(f"{wallet.issuer}/jwks").json())


# The round trip ------------------------------------------------------------------------------


def test_an_approval_is_a_code_then_a_signed_token_and_a_line_in_the_books(wallet: Wallet) -> None:
    trip = Trip(wallet)
    brought = brought_back(decide(trip.url))
    answered = trip.token(brought["code"]).json()

    claims = jwt.decode(answered["id_token"], keys(wallet), algorithms=["ES256"]).claims
    assert brought["state"] == trip.given["state"]
    assert brought["iss"] == claims["iss"] == wallet.issuer
    assert claims["aud"] == "demo-shop"
    assert claims["nonce"] == trip.given["nonce"]
    assert claims["confirmation"] == {"id": trip.id, "amount": 49_999, "currency": "usd"}
    assert claims["exp"] > claims["iat"]
    booked = trip.books().json()
    assert booked.pop("at") > 0
    assert booked == {"id": trip.id, "status": "approved", "amount": 49_999, "currency": "usd"}


def test_a_token_may_be_signed_with_rsa(tmp_path: Path) -> None:
    with Wallet(tmp_path, "--algorithm", "RS256") as wallet:
        trip = Trip(wallet)
        answered = trip.token(brought_back(decide(trip.url))["code"]).json()

        token = jwt.decode(answered["id_token"], keys(wallet), algorithms=["RS256"])

    assert token.header["alg"] == "RS256"


@pytest.mark.parametrize(("decision", "status"), [("deny", "denied"), ("leave", "abandoned")])
def test_a_person_may_deny_or_leave(wallet: Wallet, decision: str, status: str) -> None:
    trip = Trip(wallet)
    answered = decide(trip.url, decision)

    if decision == "deny":
        brought = brought_back(answered)
        assert brought["error"] == "access_denied"
        assert "code" not in brought
    else:
        assert answered.status_code == 200
        assert "without deciding" in answered.text
    assert trip.books().json()["status"] == status


def test_looking_decides_nothing(wallet: Wallet) -> None:
    """T42: a preview fetches every link."""
    trip = Trip(wallet)
    for _ in range(3):
        open_page(trip.url)

    assert trip.books().json() == {"id": trip.id, "status": "pending"}


def test_who_left_may_come_back_and_a_yes_or_no_is_final(wallet: Wallet) -> None:
    trip = Trip(wallet)
    decide(trip.url, "leave")
    decide(trip.url, "deny")
    again = open_page(trip.url)

    assert again.buttons == ["deny"]
    assert brought_back(decide(trip.url, "approve"))["error"] == "access_denied"
    assert trip.books().json()["status"] == "denied"


def test_another_amount_for_what_was_decided_is_refused(wallet: Wallet) -> None:
    trip = Trip(wallet)
    decide(trip.url)
    cheaper = json.dumps({"id": trip.id, "amount": 1, "currency": "usd"})

    answered = decide(f"{wallet.issuer}/authorize?{urlencode({**trip.given, 'confirmation': cheaper})}")

    assert answered.status_code == 409
    assert trip.books().json()["amount"] == 49_999


# What a code is worth ------------------------------------------------------------------------


def test_a_code_works_once(wallet: Wallet) -> None:
    trip = Trip(wallet)
    code = brought_back(decide(trip.url))["code"]

    assert trip.token(code).status_code == 200
    assert trip.token(code).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    "changed",
    [
        {"code_verifier": "x" * 43},
        {"code_verifier": ""},
        {"code_verifier": "short"},
        {"redirect_uri": RETURN_TO.replace("ticket_1", "ticket_2")},
        {"redirect_uri": ""},
        {"code": "invented"},
        {"code": "é"},
        {"grant_type": "password"},
    ],
)
def test_a_code_needs_everything_it_was_issued_for(wallet: Wallet, changed: dict[str, str]) -> None:
    """RFC 7636 4.6, RFC 6749 4.1.3."""
    trip = Trip(wallet)
    code = brought_back(decide(trip.url))["code"]

    answered = trip.token(**{"code": code, **changed})

    assert answered.status_code == 400
    assert answered.json()["error"] in {"invalid_grant", "unsupported_grant_type"}


@pytest.mark.parametrize("auth", [None, ("demo-shop", "wrong"), ("other", CLIENT[1]), ("", "")])
def test_a_server_says_who_it_is(wallet: Wallet, auth: tuple[str, str] | None) -> None:
    trip = Trip(wallet)
    code = brought_back(decide(trip.url))["code"]

    assert trip.token(code, auth=auth).status_code == 401
    assert trip.books(auth).status_code == 401
    assert trip.token(code).status_code == 200, "the refused request has used up the code"


def test_a_code_ends_after_a_minute(tmp_path: Path) -> None:
    books = Books(tmp_path / "books.sqlite3")
    code = books.new_code(Grant("shop", RETURN_TO, "int_1", "n", "c", "well", 0))
    with sqlite3.connect(tmp_path / "books.sqlite3") as raw:
        (left,) = raw.execute("SELECT expires_at - unixepoch() FROM codes").fetchone()
        raw.execute("UPDATE codes SET expires_at = expires_at - 61")

    assert 55 < left <= 61
    assert books.redeem(code, "shop", RETURN_TO) is None


def test_books_are_private_and_hold_no_code(tmp_path: Path) -> None:
    path = tmp_path / "books.sqlite3"
    code = Books(path).new_code(Grant("shop", RETURN_TO, "int_1", "n", "c", "well", 0))

    assert path.stat().st_mode & 0o077 == 0
    assert all(code.encode() not in file.read_bytes() for file in tmp_path.iterdir())


# What is refused with a page, and never by a redirect ----------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_nobody_is_sent_to_an_address_that_is_not_registered(wallet: Wallet, form: str) -> None:
    """T29, R35: no Location header, in front of the decision or after it."""
    trip = Trip(wallet, redirect_uri=form)
    shown = http.get(trip.url)
    answered = http.post(f"{wallet.issuer}/authorize", data={**trip.given, "decision": "approve"})

    for response in (shown, answered):
        assert response.status_code == 400
        assert "Location" not in response.headers
        assert "evil" not in response.text
    assert trip.books().json()["status"] == "pending"


def test_the_redirect_corpus_is_as_large_as_asked() -> None:
    """R35."""
    assert len(set(FORMS)) >= 60
    assert RETURN_TO not in FORMS


CONFIRMATIONS = [
    "",
    "{",
    "[]",
    "null",
    '"x"',
    "{}",
    '{"id":"a","amount":"1","currency":"usd"}',
    '{"id":"a","amount":1.5,"currency":"usd"}',
    '{"id":"a","amount":true,"currency":"usd"}',
    '{"id":"a","amount":-1,"currency":"usd"}',
    '{"id":"a","amount":9007199254740992,"currency":"usd"}',
    '{"id":"a","amount":1,"currency":"USD"}',
    '{"id":"a","amount":1,"currency":"us"}',
    '{"id":"","amount":1,"currency":"usd"}',
    '{"id":"a/b","amount":1,"currency":"usd"}',
    '{"id":1,"amount":1,"currency":"usd"}',
    '{"id":"a","amount":1,"currency":"usd","description":1}',
    json.dumps({"id": "a", "amount": 1, "currency": "usd", "description": "x" * 201}),
    "[" * 5_000,
]


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "unknown"},
        {"response_type": "token"},
        {"scope": "profile"},
        {"state": ""},
        {"nonce": ""},
        {"state": "a\nb"},
        {"code_challenge": ""},
        {"code_challenge": "x" * 42},
        {"code_challenge_method": "plain"},
        *({"confirmation": text} for text in CONFIRMATIONS),
    ],
)
def test_a_request_that_is_not_in_order_gets_a_page(wallet: Wallet, changed: dict[str, str]) -> None:
    shown = http.get(Trip(wallet, **changed).url)

    assert shown.status_code == 400
    assert "Location" not in shown.headers
    assert "cannot be confirmed" in shown.text


@pytest.mark.parametrize("changed", [{"decision": "maybe"}, {"decision": ""}, {"behaviour": "rob a bank"}])
def test_a_decision_is_one_of_three(wallet: Wallet, changed: dict[str, str]) -> None:
    trip = Trip(wallet)

    assert decide(trip.url, **changed).status_code == 400
    assert trip.books().json()["status"] == "pending"


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://127.0.0.1"])
def test_another_page_cannot_decide(wallet: Wallet, origin: str) -> None:
    """T32: a form on somebody else's page."""
    trip = Trip(wallet)
    form = {**trip.given, "decision": "approve"}

    answered = http.post(f"{wallet.issuer}/authorize", data=form, headers={"Origin": origin})

    assert answered.status_code == 400
    assert trip.books().json()["status"] == "pending"


# Pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["authorize", "embed"])
def test_the_page_says_what_is_confirmed_and_works_without_scripts(wallet: Wallet, page: str) -> None:
    trip = Trip(wallet, page)
    shown = http.get(trip.url)
    form = Form(shown.text)

    for said in ("Sandbox wallet", "499.99 USD", "Demo Shop", trip.id, "1 x &lt;Tablet&gt;"):
        assert said in shown.text
    assert form.buttons == ["approve", "deny", "leave"]
    assert form.fields.keys() == trip.given.keys()
    assert form.ids <= form.labels, "a field without a label"
    assert form.headings == ["h1"]
    assert "<script" not in shown.text
    assert re.findall(r"(?:src|href|url\()", shown.text) == [], "something is fetched"
    assert '<html lang="en">' in shown.text
    assert 'name="viewport"' in shown.text
    assert len(shown.content) < 10_000


@pytest.mark.parametrize(
    ("page", "around"), [("authorize", "'none'"), ("embed", AROUND)], ids=["authorize", "embed"]
)
def test_only_registered_pages_may_frame_the_embedded_one(wallet: Wallet, page: str, around: str) -> None:
    shown = http.get(Trip(wallet, page).url)

    policy = dict(part.strip().split(" ", 1) for part in shown.headers["Content-Security-Policy"].split(";"))
    assert policy["frame-ancestors"] == around
    assert policy["default-src"] == "'none'"
    assert policy["form-action"] == f"'self' {AROUND}"
    assert policy["script-src"].startswith("'nonce-")
    assert "X-Frame-Options" not in shown.headers or page == "authorize"
    assert shown.headers["Cache-Control"] == "no-store"


def test_the_embedded_page_tells_the_page_around_it_and_redirects_nobody(wallet: Wallet) -> None:
    trip = Trip(wallet, "embed")
    form = {**open_page(trip.url).fields, "decision": "approve"}
    done = http.post(f"{wallet.issuer}/embed", data=form)

    assert done.status_code == 200
    found = dict(re.findall(r'<script id="(\w+)" type="application/json">(.*?)</script>', done.text))
    assert json.loads(found["told"]) == {
        "source": "sandbox-wallet",
        "event": "decided",
        "confirmation": trip.id,
    }
    assert json.loads(found["origins"]) == [AROUND]
    assert "postMessage(told, origin)" in done.text
    assert trip.given["state"] not in done.text
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", done.headers["Content-Security-Policy"])
    assert nonce is not None
    assert f'<script nonce="{nonce[1]}">' in done.text
    assert trip.books().json()["status"] == "approved"


# Misbehaviour --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "wrong"),
    [
        ("wrong_nonce", "nonce"),
        ("wrong_issuer", "iss"),
        ("wrong_audience", "aud"),
        ("wrong_amount", "confirmation"),
        ("wrong_confirmation", "confirmation"),
    ],
)
def test_it_signs_something_wrong_when_told_to(wallet: Wallet, behaviour: str, wrong: str) -> None:
    trip = Trip(wallet)
    answered = trip.token(brought_back(decide(trip.url, behaviour=behaviour))["code"]).json()

    claims: dict[str, Any] = jwt.decode(answered["id_token"], keys(wallet), algorithms=["ES256"]).claims
    right = {
        "nonce": trip.given["nonce"],
        "iss": wallet.issuer,
        "aud": "demo-shop",
        "confirmation": {"id": trip.id, "amount": 49_999, "currency": "usd"},
    }
    assert [name for name in right if claims[name] != right[name]] == [wrong]


def test_it_returns_a_wrong_state_or_an_error_when_told_to(wallet: Wallet) -> None:
    lying, failing = Trip(wallet), Trip(wallet)

    assert brought_back(decide(lying.url, behaviour="wrong_state"))["state"] != lying.given["state"]
    assert brought_back(decide(failing.url, behaviour="error"))["error"] == "server_error"
    assert failing.books().json()["status"] == "pending"


# The demo's own ------------------------------------------------------------------------------


def test_the_demo_serves_it_beside_the_shop(client: Any, settings: Any) -> None:
    described = client.get("/sandbox-wallet/.well-known/openid-configuration")

    assert described.json()["issuer"] == settings.AGENTIC_WALLET["ISSUER"]
    assert client.get("/sandbox-wallet/authorize").status_code == 400
