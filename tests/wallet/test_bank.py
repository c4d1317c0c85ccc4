"""The sandbox bank: only it can make a proof, and only who asked it is told how it went."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.test import Client

from gateway.project import beside
from tests.wallet.process import Form
from tests.wallet.redirects import FORMS

BASE = "/sandbox-bank/challenges"
RETURN_TO = "http://127.0.0.1:1/agentic/confirm/ticket_1/return"
OTHER = "other-payments"


@pytest.fixture(autouse=True)
def bank(settings: Any, tmp_path: Any) -> None:
    """Books of its own for each test, and a second provider that may ask."""
    told = beside.told_the_bank("http://127.0.0.1:1", tmp_path / "bank.sqlite3")
    told["ISSUER"] = "http://testserver/sandbox-bank"
    told["CLIENTS"].append({**told["CLIENTS"][0], "id": OTHER})
    settings.AGENTIC_BANK = told


def asking(method: str, path: str, body: Any = None, *, client: str = beside.BANK_CLIENT) -> HttpResponse:
    pair = base64.b64encode(f"{client}:{beside.BANK_SECRET}".encode()).decode()
    return Client().generic(
        method,
        path,
        json.dumps(body).encode() if body is not None else b"",
        content_type="application/json",
        headers={"Authorization": f"Basic {pair}"},
    )


def challenge(behaviour: str = "ask", **changed: Any) -> str:
    body = {"key": secrets.token_hex(8), "amount": 2_800, "currency": "usd", "behaviour": behaviour}
    answer = asking("POST", BASE, {**body, **changed})
    assert answer.status_code == 201, answer.content
    found: str = answer.json()["id"]
    return found


def run(id: str, decision: str = "approve") -> dict[str, Any]:
    answer = Client().post(f"{BASE}/{id}/run", {"decision": decision}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    result: dict[str, Any] = answer.json()
    return result


def status(id: str) -> str:
    found: str = asking("GET", f"{BASE}/{id}").json()["status"]
    return found


def page(id: str, return_to: str = RETURN_TO, state: str = "opaque") -> str:
    return f"{BASE}/{id}/page?{urlencode({'return_to': return_to, 'state': state})}"


def test_a_proof_is_verified_for_exactly_what_it_was_made_for() -> None:
    id, other = challenge(), challenge()
    details = run(id)["outcome_details"]
    right = {"amount": 2_800, "currency": "usd", **details}
    wrong = [
        {**right, "amount": 2_801},
        {**right, "currency": "eur"},
        {**right, "three_ds_cryptogram": base64.b64encode(b"x" * 20).decode()},
        {**right, "electronic_commerce_indicator": "06"},
        {**right, "transaction_id": "0" * 36},
        {},
    ]

    assert len(base64.b64decode(details["three_ds_cryptogram"])) == 20
    assert asking("POST", f"{BASE}/{id}/verification", right).json() == {"verified": True}
    for brought in wrong:
        assert asking("POST", f"{BASE}/{id}/verification", brought).json() == {"verified": False}
    assert asking("POST", f"{BASE}/{other}/verification", right).json() == {"verified": False}


def test_a_proof_in_an_agents_hands_is_not_a_payment_yet() -> None:
    """The merchant hears of it when the agent brings it."""
    id = challenge()

    run(id)

    assert status(id) == "issued"


@pytest.mark.parametrize(
    ("decision", "outcome", "after"),
    [("deny", "denied", "denied"), ("leave", "abandoned", "pending"), ("error", "internal_error", "pending")],
)
def test_without_a_yes_there_is_no_proof(decision: str, outcome: str, after: str) -> None:
    id = challenge()

    assert run(id, decision) == {"outcome": outcome}
    assert status(id) == after


@pytest.mark.parametrize(("behaviour", "outcome"), [("deny", "denied"), ("unavailable", "not_supported")])
def test_it_behaves_as_its_cards_say(behaviour: str, outcome: str) -> None:
    assert run(challenge(behaviour)) == {"outcome": outcome}


def test_a_no_is_final() -> None:
    id = challenge()
    run(id, "deny")

    assert run(id) == {"outcome": "denied"}
    assert status(id) == "denied"


def test_one_key_is_one_challenge() -> None:
    first = challenge(key="pay_1")

    assert challenge(key="pay_1") == first
    again = {"key": "pay_1", "amount": 1, "currency": "usd", "behaviour": "ask"}
    assert asking("POST", BASE, again).status_code == 409


@pytest.mark.parametrize(
    "changed",
    [{"amount": -1}, {"amount": "1"}, {"amount": True}, {"currency": "USD"}, {"behaviour": "x"}, {"key": ""}],
)
def test_what_is_not_in_order_is_refused(changed: dict[str, Any]) -> None:
    body = {"key": "pay_1", "amount": 1, "currency": "usd", "behaviour": "ask", **changed}

    assert asking("POST", BASE, body).status_code == 400


def test_nobody_else_is_told() -> None:
    id = challenge()

    for method, path in (("GET", f"{BASE}/{id}"), ("POST", f"{BASE}/{id}/verification"), ("POST", BASE)):
        assert Client().generic(method, path).status_code == 401
    assert asking("GET", f"{BASE}/{id}", client=OTHER).status_code == 404
    assert asking("POST", f"{BASE}/{id}/verification", {}, client=OTHER).status_code == 404
    assert Client().post(f"{BASE}/unknown/run", {"decision": "approve"}).status_code == 404


def test_the_page_shows_the_payment_and_sends_the_holder_back() -> None:
    id = challenge()
    shown = Client().get(page(id))
    form = Form(shown.content.decode())

    answered = Client().post(f"{BASE}/{id}/page", {**form.fields, "decision": "approve"})

    assert "28.00 USD" in shown.content.decode()
    assert "Demo Shop" in shown.content.decode()
    assert "form-action 'self' http://127.0.0.1:1;" in shown.headers["Content-Security-Policy"]
    assert answered.status_code == 303
    assert answered.headers["Location"] == f"{RETURN_TO}?state=opaque"
    assert status(id) == "authenticated"
    assert asking("GET", f"{BASE}/{id}").json()["eci"] == "05"


def test_looking_decides_nothing_and_leaving_neither() -> None:
    id = challenge()
    form = Form(Client().get(page(id)).content.decode())

    left = Client().post(f"{BASE}/{id}/page", {**form.fields, "decision": "leave"})

    assert left.status_code == 200
    assert "You left without deciding" in left.content.decode()
    assert status(id) == "pending"


def test_a_post_from_elsewhere_decides_nothing() -> None:
    id = challenge()
    form = Form(Client().get(page(id)).content.decode())

    forged = Client().post(
        f"{BASE}/{id}/page", {**form.fields, "decision": "approve"}, headers={"Origin": "https://evil.test"}
    )

    assert forged.status_code == 400
    assert status(id) == "pending"


@pytest.mark.parametrize("return_to", FORMS)
def test_nobody_is_sent_elsewhere(return_to: str) -> None:
    """R35: only to the registered address, character by character."""
    id = challenge()
    given = {"return_to": return_to, "state": "opaque", "decision": "approve"}

    shown = Client().get(page(id, return_to))
    answered = Client().post(f"{BASE}/{id}/page", given)

    assert (shown.status_code, answered.status_code) == (400, 400)
    assert status(id) == "pending"
