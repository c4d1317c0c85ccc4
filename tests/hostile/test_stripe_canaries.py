"""A card on its way to Stripe: nothing here keeps its number or its code, whatever Stripe answers (R22)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from checkout.payments.stripe import Answer, StripeApi
from checkout.token_models import StripeToken
from tests.agents import BASE, paying
from tests.cards import DELEGATE, delegating
from tests.hostile import evidence
from tests.hostile.canaries import Canary, Scanner
from tests.hostile.played import Played, report, scan
from tests.hostile.test_card_canaries import CODE, Short
from tests.parts import plugged
from tests.stripe_double.process import Stripe
from tests.stripe_double.provider import provider, vault

METHODS = "/v1/payment_methods"
STATEMENT = re.compile(r"\(\d+\.\d+\) ")
"""How the database's own log begins."""


@pytest.fixture(scope="module")
def stripe() -> Iterator[Stripe]:
    with Stripe() as running:
        yield running


@pytest.fixture
def number(secret: dict[str, str], stripe: Stripe) -> str:
    """A card like no other's, which the double knows."""
    stripe.troubles()
    stripe.tell("card", number=secret["card number"])
    return secret["card number"]


@pytest.fixture
def scanner(secret: dict[str, str], number: str) -> Scanner:
    sought = [Canary(name, secret[name]) for name in ("card number", "key")]
    return Scanner([*sought, Short("verification code", CODE)])


def body(session: str, number: str, **card: Any) -> dict[str, Any]:
    return delegating(
        session, number, card={"cvc": CODE, **card}, allowance={"merchant_id": "profile_test_1"}
    )


def handed_over(agent: Played, stripe: Stripe, number: str) -> str:
    """Whatever Stripe says first; the token in the end."""
    session = agent.session("item_mug")
    said = {"type": "api_error", "message": f"{number} {CODE}", "param": number, "code": number}
    for status in (400, 401, 402, 403, 404, 409, 429, 500, 503):
        error = said | {"type": {400: "invalid_request_error", 402: "card_error"}.get(status, "api_error")}
        stripe.troubles({"what": "answer", "path": METHODS, "status": status, "error": error, "times": 9})
        told = agent.ask("POST", BASE + DELEGATE, body(session, number))
        assert told.status_code in (422, 503), told.content
    stripe.troubles({"what": "error_before", "path": METHODS, "kept": False})
    good = body(session, number)
    stored = agent.ask("POST", BASE + DELEGATE, good, Idempotency_Key="card-1")
    assert stored.status_code == 201, stored.content
    again = agent.ask("POST", BASE + DELEGATE, good, Idempotency_Key="card-1")
    assert again.content == stored.content
    for odd in ({"exp_year": "2020"}, {"name": number}, {"card_number_type": "network_token"}, {"cvc": "1"}):
        agent.ask("POST", BASE + DELEGATE, body(session, number, **odd))
    token = str(stored.json()["id"])
    complete = f"{BASE}/checkout_sessions/{session}/complete"
    paid = agent.ask("POST", complete, paying(token, "stripe_card"))
    assert paid.json()["status"] == "completed", paid.content
    return token


@pytest.mark.requirement("R22", "T19", "ACP-022")
def test_a_card_for_stripe_is_kept_by_nobody_here(
    agent: Played, scanner: Scanner, stripe: Stripe, number: str
) -> None:
    part = vault(stripe)
    with (
        evidence.monitored() as commands,
        evidence.diary() as diary,
        plugged(vault=part, payments=provider(stripe)),
    ):
        token = handed_over(agent, stripe, number)

    scan(agent, diary, commands)

    assert StripeToken.objects.count() == 1
    assert scanner.found == [], report(scanner)
    kept = Scanner([Canary("token", token)])
    evidence.tables(kept)
    kept.look("logs", "\n".join(diary.entries))
    assert kept.found == [], "whoever reads the database could pay with it"


@pytest.mark.requirement("R22")
def test_stripes_name_of_a_card_is_in_its_own_row_alone(
    agent: Played, stripe: Stripe, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where payment methods are taken as they are, it pays: no answer, page, log or other row has it."""
    part = vault(stripe)
    with evidence.diary() as diary, plugged(vault=part, payments=provider(stripe)):
        handed_over(agent, stripe, number)
    row = StripeToken.objects.get()
    agent.scanner = Scanner([Canary("payment method", row.method)])
    said = [entry for entry in diary.entries if not STATEMENT.match(entry)]
    assert len(said) < len(diary.entries), "statements of the database have it, of its own row at least"
    StripeToken.objects.all().delete()
    monkeypatch.setattr(evidence, "files", lambda scanner: 0)  # the database's own, with what was deleted
    diary.entries[:] = said

    scan(agent, diary, [])

    assert agent.scanner.found == [], report(agent.scanner)


def test_a_planted_leak_is_found(
    agent: Played, scanner: Scanner, stripe: Stripe, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: what is asked of Stripe is written down."""
    ask = StripeApi.ask

    def talking(api: StripeApi, service: str, verb: str, *ids: str, **more: Any) -> Answer:
        logging.getLogger("agentic.stripe").debug("asking %s", more)
        return ask(api, service, verb, *ids, **more)

    monkeypatch.setattr(StripeApi, "ask", talking)
    part = vault(stripe)
    with (
        evidence.monitored() as commands,
        evidence.diary() as diary,
        plugged(vault=part, payments=provider(stripe)),
    ):
        handed_over(agent, stripe, number)

    scan(agent, diary, commands, pages=False)

    assert scanner.found
