"""A card where a card belongs, and everywhere around: nothing keeps its number or its code (R22, T19).

The endpoints that take one succeed, refuse, repeat, conflict and break; afterwards all that the gateway
leaves behind is looked through.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from checkout.errors import ProviderUnavailable
from checkout.payments import sandbox_cards
from checkout.payments.sandbox_vault import SandboxVault
from checkout.payments.vault import Card, VaultToken
from checkout.sandbox_models import SandboxAuthentication, SandboxToken
from gateway.models import IdempotentRequest, OutboxMessage
from tests.agents import BASE, paying
from tests.bank import Wire, authenticator
from tests.cards import AUTHENTICATE, DELEGATE, PLACE, authenticating, delegating
from tests.hostile import evidence
from tests.hostile.canaries import Canary, Scanner
from tests.hostile.played import Played, report, scan
from tests.parts import plugged

CODE = "0917"
"""No number of a row is written like that."""
HEADERS = ("API-Version", "Signature", "Timestamp", "User-Agent", "Accept-Language", "Content-Type")


@dataclass(frozen=True, slots=True)
class Short(Canary):
    """So few digits that anything else than themselves is found by chance."""

    def forms(self) -> Iterator[tuple[str, bytes]]:
        yield "raw", self.value.encode()


@pytest.fixture
def number(secret: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A card like no other's, which the sandbox takes for one that is published for testing."""
    known = sandbox_cards.TestCard("visa", "spt_sandbox_ok", "frictionless")
    found = secret["card number"]
    monkeypatch.setattr(sandbox_cards, "CARDS", {**sandbox_cards.CARDS, found: known})
    return found


@pytest.fixture
def scanner(secret: dict[str, str], number: str) -> Scanner:
    sought = [Canary(name, secret[name]) for name in ("card number", "key")]
    return Scanner([*sought, Short("verification code", CODE)])


class Telling(SandboxVault):
    """Breaks, and says in the exception all it knows; the second one with a cause."""

    def __init__(self, problem: Callable[[str], Exception]) -> None:
        self._problem = problem

    def store(self, card: Card, *args: Any, **options: Any) -> VaultToken:
        told = f"{card.number} {card.cvc} {args!r} {options!r}"
        try:
            raise ValueError(told)
        except ValueError as cause:
            raise self._problem(told) from cause


class TellingAuthenticator:
    def create(self, wanted: Any, **options: Any) -> Any:
        raise RuntimeError(f"{wanted.card.number} {options!r}")

    authenticate = retrieve = create


def handed_over(agent: Played, number: str) -> str:
    """The card through every way in that there is, and out of it; the token."""
    pay, run = BASE + DELEGATE, BASE + AUTHENTICATE
    session = agent.session("item_mug")
    complete = f"{BASE}/checkout_sessions/{session}/complete"
    good = delegating(session, number, card={"cvc": CODE})
    stored = agent.ask("POST", pay, good, Idempotency_Key="card-1")
    assert stored.status_code == 201, stored.content
    assert agent.ask("POST", pay, good, Idempotency_Key="card-1").content == stored.content
    other = delegating(session, number, card={"cvc": CODE, "name": "Somebody"})
    assert agent.ask("POST", pay, other, Idempotency_Key="card-1").status_code == 422
    began = authenticating(number=number, **PLACE)
    begun = agent.ask("POST", run, began, Idempotency_Key="run-1")
    assert begun.status_code == 201, begun.content
    agent.ask("POST", run, {**began, "merchant_id": "x"}, Idempotency_Key="run-1")
    one = f"{run}/{begun.json()['authentication_session_id']}"
    agent.ask("POST", f"{one}/authenticate", {"fingerprint_completion": "Y"})
    assert agent.ask("GET", one).json()["status"] == "authenticated"
    for path, body in ((pay, good), (run, began)):
        for damaged in _damaged(body, number):
            assert agent.ask("POST", path, damaged).status_code in (400, 422), damaged
        for raw in (json.dumps(body)[:-9], f'"{number}"', f"number={number}", json.dumps(body) + number):
            agent.ask("POST", path, raw=raw.encode())
        for header in (
            "API-Version",
            "Signature",
            "Timestamp",
            "User-Agent",
            "Accept-Language",
            "Content-Type",
        ):
            agent.ask("POST", path, body, **{header: number})
        agent.ask("POST", path, body, Authorization=f"Bearer {number}")
        agent.ask("POST", path, body, Idempotency_Key=number)
        agent.ask("POST", path, body, Idempotency_Key=f"card-{number}")
        agent.ask("POST", f"{path}?number={number}&cvc={CODE}", body)
        agent.ask("PUT", path, body)
        agent.ask("POST", f"{path}/{number}", body)
        agent.ask("GET", f"{path}/{number}")
        agent.ask("POST", f"{path}/{number}/authenticate", body)
        agent.ask(
            "POST", f"{BASE}/checkout_sessions/{session}/complete", {"payment_data": body["payment_method"]}
        )
        with plugged(vault=None, authenticator=None):
            assert agent.ask("POST", path, body).status_code == 404
    token = str(stored.json()["id"])
    paid = agent.ask("POST", complete, paying(token))
    assert paid.json()["status"] == "completed", paid.content
    return token


def _damaged(body: dict[str, Any], number: str) -> Iterator[dict[str, Any]]:
    card = body["payment_method"]
    yield {**body, "payment_method": {**card, "exp_month": "13"}}
    yield {**body, "payment_method": {**card, "exp_year": "2020"}}
    yield {**body, "payment_method": {**card, "number": number[:-1] + str((int(number[-1]) + 1) % 10)}}
    yield {**body, "payment_method": {**card, "number": f"{number} "}}
    yield {**body, "payment_method": {**card, "number": int(number)}}
    yield {**body, "payment_method": {**card, "number": [number]}}
    yield {**body, "payment_method": {**card, "number": {number: CODE}}}
    yield {**body, "payment_method": {**card, "name": number}}
    yield {**body, "payment_method": {**card, number: CODE}}
    yield {**body, "payment_method": {**card, "card": {"number": number, "cvc": CODE}}}
    yield {**body, "payment_method": number}
    yield {**body, "payment_method": [card]}
    yield {**body, "metadata": {"note": number, "cvc": CODE}}
    yield {**body, "metadata": {number: "note"}}
    yield {**body, "merchant_id": number}
    yield {**body, "checkout_session_id": f"cs_{number}"}
    yield {**body, "number": number, "cvc": CODE}
    yield {**body, number: CODE}
    yield {**body, "card": card}


@pytest.mark.requirement("R22", "T19", "ACP-022")
def test_a_card_is_kept_by_nobody(agent: Played, scanner: Scanner, number: str) -> None:
    running = plugged(authenticator=authenticator(Wire()))
    with evidence.monitored() as commands, evidence.diary() as diary, running:
        token = handed_over(agent, number)

    scan(agent, diary, commands)

    assert SandboxToken.objects.count() >= 1
    assert SandboxAuthentication.objects.exists()
    assert agent.statuses >= {200, 201, 400, 401, 404, 405, 409, 415, 422}
    assert scanner.found == [], report(scanner)
    kept = Scanner([Canary("token", token)])
    evidence.tables(kept)
    kept.look("logs", "\n".join(diary.entries))
    assert kept.found == [], "whoever reads the database could pay with it"


@pytest.mark.requirement("R22", "T19")
@pytest.mark.parametrize("problem", [RuntimeError, lambda told: ProviderUnavailable(told), KeyError])
@pytest.mark.parametrize("debugging", [False, True])
def test_a_vault_that_breaks_tells_nobody(
    agent: Played,
    scanner: Scanner,
    number: str,
    problem: Callable[[str], Exception],
    debugging: bool,
    settings: Any,
) -> None:
    """Its exceptions quote the card; neither a log nor an answer nor a row repeats them."""
    settings.DEBUG = debugging
    body = delegating("cs_0", number, card={"cvc": CODE})
    with evidence.monitored() as commands, evidence.diary() as diary:
        with plugged(vault=Telling(problem), authenticator=TellingAuthenticator()):
            broken = agent.ask("POST", BASE + DELEGATE, body, Idempotency_Key="card-1")
            agent.ask("POST", BASE + AUTHENTICATE, authenticating(number=number))
            agent.ask("GET", f"{BASE}{AUTHENTICATE}/das_0")
        again = agent.ask("POST", BASE + DELEGATE, body, Idempotency_Key="card-1")

    scan(agent, diary, commands, pages=False)

    assert broken.status_code >= 500
    assert again.status_code == 201, "nothing was kept of what broke"
    assert diary.entries
    assert scanner.found == [], report(scanner)


def _in_a_log(card: Card) -> None:
    logging.getLogger("agentic.x").debug("stored", extra={"card": {"number": card.number}})


def _in_a_row(card: Card) -> None:
    OutboxMessage.objects.create(kind="probe", payload={"said": card.number})


def _in_an_answer_that_is_kept(card: Card) -> None:
    IdempotentRequest.objects.update(body=json.dumps({"number": card.number}))


def _in_a_statement(card: Card) -> None:
    SandboxToken.objects.filter(card_digest=card.number).first()


def _in_a_traceback(card: Card) -> None:
    try:
        raise ValueError(card.number)
    except ValueError as problem:
        logging.getLogger("agentic.x").error("".join(traceback.format_exception(problem)))


def _the_code(card: Card) -> None:
    logging.getLogger("agentic.x").debug("stored with %s", card.cvc)


@pytest.mark.parametrize(
    "leak",
    [_in_a_log, _in_a_row, _in_an_answer_that_is_kept, _in_a_statement, _in_a_traceback, _the_code],
)
def test_a_planted_leak_is_found(
    agent: Played, scanner: Scanner, number: str, leak: Callable[[Card], None]
) -> None:
    """The negative control: a vault that lets the card slip is noticed, whichever way."""

    class Leaking(SandboxVault):
        def store(self, card: Card, *args: Any, **options: Any) -> VaultToken:
            leak(card)
            return super().store(card, *args, **options)

    with evidence.monitored() as commands, evidence.diary() as diary, plugged(vault=Leaking()):
        other = delegating("cs_0", sandbox_cards_number(number))
        agent.ask("POST", BASE + DELEGATE, other)
        agent.ask("POST", BASE + DELEGATE, delegating("cs_0", number, card={"cvc": CODE}))

    scan(agent, diary, commands, pages=False)

    assert scanner.found


def sandbox_cards_number(number: str) -> str:
    """Another card, so that there is a row to spoil."""
    return next(other for other in sandbox_cards.CARDS if other != number)


@pytest.mark.requirement("R22")
def test_a_card_shows_nothing_of_itself(number: str) -> None:
    card = Card(number, "fpan", "credit", "11", "2034", cvc=CODE, name="Ada Lovelace", metadata={"n": number})

    assert repr(card) == str(card) == "Card(virtual=False)"
