"""An agent whose every answer is looked at, and all that is looked through afterwards (R22)."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.test import Client

from checkout import effects
from gateway import delivery
from tests.agents import ADDRESS, BASE, BUYER, MINIMAL, paying
from tests.hostile import evidence
from tests.hostile.canaries import Scanner, word
from tests.operators import log_in

OTP = {"interventions": {"supported": ["otp"], "max_interaction_depth": 2}}


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
        told = [f"{name}: {value}" for name, value in answer.items()]
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


def life(agent: Played, session: str, other: str) -> list[Any]:
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
