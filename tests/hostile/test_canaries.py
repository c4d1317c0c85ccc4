"""Secrets go where they belong, while parts fail and quote them: nothing keeps them (R22, T19, T94)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import OperationalError
from django.test import Client

from checkout import effects
from checkout.models import Order
from checkout.ports import ports
from gateway import agents, delivery, idempotency
from gateway.models import Agent, OutboxMessage
from interventions import codes
from interventions.models import Intervention
from tests.agents import ADDRESS, BASE, BUYER, MINIMAL, paying
from tests.hostile import evidence
from tests.hostile.canaries import Canary, Scanner, card_number, word
from tests.operators import log_in
from tests.parts import plugged

OTP = {"interventions": {"supported": ["otp"], "max_interaction_depth": 2}}


ECHOED = frozenset({"request-id", "idempotency-key"})


@dataclass
class Played:
    """An agent whose every answer is looked at. `secret` are the canaries, by name."""

    scanner: Scanner
    secret: dict[str, str]
    key: str

    def __post_init__(self) -> None:
        self.http = Client(raise_request_exception=False)
        self.statuses: set[int] = set()
        self.heard: set[bytes] = set()

    def ask(self, method: str, path: str, body: Any = None, raw: bytes | None = None, **headers: str) -> Any:
        given = {
            "Authorization": f"Bearer {self.key}",
            "API-Version": "2026-04-17",
            "Idempotency-Key": word("key-"),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        content = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        kind = given.pop("Content-Type", "application/json")
        answer = self.http.generic(method, path, content, content_type=kind, headers=given)
        self.statuses.add(answer.status_code)
        told = [f"{name}: {value}" for name, value in answer.items() if name.lower() not in ECHOED]
        self.heard |= {answer.content, *(entry.encode() for entry in told)}
        return answer

    def session(self, item: str = "item_sneakers", **members: Any) -> str:
        body = {**MINIMAL, "line_items": [{"id": item}], "capabilities": OTP, "buyer": BUYER}
        body |= {"fulfillment_details": {"address": ADDRESS, "email": BUYER["email"]}, **members}
        created = self.ask("POST", f"{BASE}/checkout_sessions", body)
        assert created.status_code == 201, created.content
        return str(created.json()["id"])

    def answer(self, session: str, code: str) -> Any:
        body = {"intervention_response": {"type": "otp", "code": code}}
        return self.ask("POST", f"{BASE}/checkout_sessions/{session}", body)

    def complete(self, session: str) -> Any:
        return self.ask("POST", f"{BASE}/checkout_sessions/{session}/complete", paying(self.secret["token"]))


@pytest.fixture
def secret(shop: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The canaries. Every one-time code that is drawn is the same, and is one of them."""
    demo = Agent.objects.get(name="Demo agent")
    found = {
        "code": codes.draw(6),
        "key": agents.rotate(demo, keep_hours=1),
        "unknown key": word("agk_"),
        "card number": card_number(),
        "security code": word("cvc"),
        "token": word("spt_"),
    }
    monkeypatch.setattr(codes, "draw", lambda digits: found["code"])
    return found


@pytest.fixture
def scanner(secret: dict[str, str]) -> Scanner:
    return Scanner(Canary(name, value) for name, value in secret.items())


@pytest.fixture
def agent(scanner: Scanner, secret: dict[str, str]) -> Played:
    return Played(scanner, secret, secret["key"])


def scan(agent: Played, diary: evidence.Diary, commands: list[str], *, pages: bool = True) -> None:
    """All there is, was looked at; `pages` of the admin show no more than the tables hold."""
    scanner = agent.scanner
    scanner.look("answers", b"\n".join(agent.heard))
    assert evidence.tables(scanner) > 100
    evidence.files(scanner)
    evidence.redis(scanner)
    scanner.look("commands of Redis", *commands)
    scanner.look("logs", "\n".join(sorted(set(diary.entries))))
    assert not pages or evidence.screens(scanner, log_in()) > 20
    evidence.mails(scanner, delivered_to=BUYER["email"])


def report(scanner: Scanner) -> str:
    return "\n".join(sorted(set(scanner.found))[:40])


@pytest.mark.requirement("ACP-005")
def test_a_purchase_with_a_code_leaves_no_secret_behind(agent: Played, scanner: Scanner) -> None:
    """The code, the key and the token where they belong; the code once wrong and once in time."""
    with evidence.monitored() as commands, evidence.diary() as diary:
        session = agent.session()
        delivery.deliver_due()
        assert agent.secret["code"] in str(mail.outbox[-1].body)
        evidence.tables(scanner)  # while the code is good
        wrong = f"{(int(agent.secret['code']) + 1) % 1_000_000:06d}"
        assert agent.answer(session, wrong).json()["status"] == "authentication_required"
        assert agent.answer(session, agent.secret["code"]).json()["status"] == "ready_for_payment"
        assert agent.complete(session).json()["status"] == "completed"
        delivery.deliver_due()
        effects.sweep()
        idempotency.purge()

    scan(agent, diary, commands)

    assert Order.objects.filter(session_id=session).exists()
    assert scanner.found == [], report(scanner)
    assert any("INSERT INTO" in entry for entry in diary.entries), "statements were logged"


class Failing:
    """A merchant's part; the chosen method raises, and says in the exception all it knows."""

    def __init__(self, real: Any, method: str, told: str) -> None:
        self._real, self._method, self._told = real, method, told

    def __getattr__(self, name: str) -> Any:
        if name != self._method:
            return getattr(self._real, name)

        def fail(*args: Any, **kwargs: Any) -> Any:
            raise RuntimeError(f"{self._told} {args!r} {kwargs!r}")

        return fail


PARTS = {
    "catalog": ("currencies", "find"),
    "fulfillment": ("options",),
    "pricing": ("quote",),
    "inventory": ("hold", "commit", "release", "release_overdue"),
    "payments": ("handlers", "authorize", "capture", "retrieve", "void", "refund"),
    "order_sink": ("place",),
    "outbox": ("add",),
}


class TellingMail(BaseEmailBackend):
    """A mail server that refuses, and quotes the whole mail."""

    def send_messages(self, messages: Any) -> int:
        raise RuntimeError(" ".join(message.message().as_string() for message in messages))


@pytest.mark.parametrize("part", PARTS)
def test_failing_parts_tell_nobody(part: str, agent: Played, scanner: Scanner) -> None:
    """Exceptions quote what they were given; neither a log nor an answer nor a row repeats them."""
    told = " ".join(agent.secret.values())
    failed: list[int] = []
    with evidence.monitored() as commands, evidence.diary() as diary:
        for method in PARTS[part]:
            session, other = agent.session("item_mug"), agent.session("item_mug")
            with plugged(**{part: Failing(getattr(ports(), part), method, told)}):
                answers = _life(agent, session, other)
            failed += [answer.status_code for answer in answers if answer.status_code >= 500]
            _life(agent, session, other)

    scan(agent, diary, commands, pages=False)

    assert failed or part == "order_sink", "nothing failed, so nothing was tried"
    assert part != "order_sink" or OutboxMessage.objects.exclude(error="").exists()
    assert scanner.found == [], report(scanner)


def test_a_mail_server_that_quotes_the_mail_gives_no_code_away(
    agent: Played, scanner: Scanner, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "tests.hostile.test_canaries.TellingMail"
    with evidence.monitored() as commands, evidence.diary() as diary:
        agent.session()
        delivery.deliver_due()

    scan(agent, diary, commands, pages=False)

    assert OutboxMessage.objects.get(kind="interventions.send_code").error == "RuntimeError"
    assert Intervention.objects.get().code_digest, "the code had been drawn"
    assert scanner.found == [], report(scanner)


def test_a_database_that_quotes_its_rows_tells_nobody(
    agent: Played, scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = " ".join(agent.secret.values())

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError(f"server closed the connection: {told} {args!r}")

    with evidence.monitored() as commands, evidence.diary() as diary:
        session, other = agent.session("item_mug"), agent.session("item_mug")
        for module, name in (
            ("gateway.idempotency", "insert"),
            ("gateway.idempotency", "change"),
            ("checkout.services", "insert"),
            ("checkout.services", "change"),
            ("checkout.completion", "insert"),
            ("checkout.moves", "change"),
            ("gateway.agents", "_live_keys"),
        ):
            with monkeypatch.context() as patched:
                patched.setattr(f"{module}.{name}", fail)
                _life(agent, session, other)

    scan(agent, diary, commands, pages=False)

    assert 503 in agent.statuses
    assert scanner.found == [], report(scanner)


# --- The scanner finds what is there ---------------------------------------------------------------


def _forms(value: str) -> Iterator[str]:
    raw = value.encode()
    yield value
    yield base64.b64encode(raw).decode()
    yield base64.b64encode(b"x" + raw + b"yz").decode()
    yield base64.urlsafe_b64encode(b"xy" + raw).decode()
    yield raw.hex()
    yield "".join(f"%{byte:02X}" for byte in raw)
    yield sha256(raw).hexdigest()
    yield base64.b64encode(sha256(raw).digest()).decode()


def test_the_scan_finds_each_form_of_each_secret(secret: dict[str, str]) -> None:
    for name, value in secret.items():
        for form in _forms(value):
            scanner = Scanner([Canary(name, value)])
            scanner.look("here", f"before {form} after")
            assert scanner.found, (name, form)


def test_the_scan_finds_a_salted_hash(secret: dict[str, str]) -> None:
    scanner = Scanner([Canary("code", secret["code"])])

    scanner.look_for_salted_hashes(
        "a row", ["salt-1", sha256(f"salt-1{secret['code']}".encode()).hexdigest()]
    )

    assert scanner.found


def test_six_digits_by_chance_are_no_leak() -> None:
    """Ids, hashes, times and longer numbers hold any six digits now and then."""
    scanner = Scanner([Canary("code", "123456")])

    scanner.look("here", "cs_00123456ffff 1234567 0123456 2026-11-20T16:00:00.123456+00:00 1795192519.123456")
    scanner.look("here", "datetime.datetime(2026, 11, 20, 16, 45, 9, 123456, tzinfo=datetime.timezone.utc)")

    assert scanner.found == []
    scanner.look("here", "the code is 123456.")
    assert len(scanner.found) == 1


def _life(agent: Played, session: str, other: str) -> list[Any]:
    """Each verb once, and what happens outside requests; whatever fails."""
    one = f"{BASE}/checkout_sessions/{session}"
    answers = [
        agent.ask("POST", f"{BASE}/checkout_sessions", {**MINIMAL, "line_items": [{"id": "item_mug"}]}),
        agent.ask("GET", one),
        agent.ask("POST", one, {"order_notes": "Ring twice."}),
        agent.complete(session),
        agent.ask("POST", one + "/complete", paying("spt_sandbox_declined")),
        agent.ask("POST", f"{BASE}/checkout_sessions/{other}/cancel"),
        agent.ask("GET", "/.well-known/acp.json"),
        agent.ask("GET", "/readyz"),
    ]
    for work in (delivery.deliver_due, effects.sweep):
        with suppress(Exception):  # the relay's own loop writes down where it came from, no more
            work()
    return answers
