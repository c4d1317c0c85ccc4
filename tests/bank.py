"""The sandbox bank as the tests reach it: its own views, through Django's client instead of a network."""

from __future__ import annotations

import json as plain_json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.db import connection
from django.http import HttpResponse
from django.test import Client

from checkout import ports as checkout_ports
from checkout.payments.issuer import IssuerPage
from checkout.payments.sandbox import SandboxProvider
from checkout.payments.sandbox_authenticator import SandboxAuthenticator
from checkout.payments.sandbox_bank import SandboxBank
from checkout.payments.sandbox_vault import SandboxVault
from gateway.project import beside
from interventions import ports
from interventions.http import NoReply, Reply

SHOP = "http://localhost:8000"


class Wire:
    """Implements `interventions.http.Http`. `silent`: nobody answers."""

    def __init__(self) -> None:
        self.silent = False
        self.sent: list[tuple[str, str]] = []

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        timeout_seconds: float = 10.0,
        most_bytes: int = 256 * 1024,
    ) -> Reply:
        assert not connection.in_atomic_block, "a transaction is open"
        self.sent.append((method, urlsplit(url).path))
        if self.silent:
            raise NoReply
        answer = Client().generic(
            method,
            urlsplit(url).path,
            plain_json.dumps(json).encode() if json is not None else b"",
            content_type="application/json",
            headers=dict(headers or {}),
        )
        return Reply(answer.status_code, {}, answer.content)


def provider(wire: Wire, kind: type[SandboxProvider] = SandboxProvider, shop: str = SHOP) -> SandboxProvider:
    """The sandbox provider, whose cards the sandbox bank issued."""
    return kind(SandboxBank(**beside.told_the_shop(shop)["SANDBOX_BANK"], http=wire), SandboxVault())


def authenticator(wire: Wire, shop: str = SHOP) -> SandboxAuthenticator:
    """Who runs 3-D Secure with that bank for agents that hold a card."""
    return SandboxAuthenticator(SandboxBank(**beside.told_the_shop(shop)["SANDBOX_BANK"], http=wire))


@contextmanager
def banked(payments: SandboxProvider) -> Iterator[None]:
    """Payments are made through it, and 3-D Secure runs."""
    before, asked = checkout_ports.ports(), ports.ports()
    checkout_ports.plug(replace(before, payments=payments))
    ports.plug(replace(asked, providers={**asked.providers, "3ds": IssuerPage()}))
    try:
        yield
    finally:
        checkout_ports.plug(before)
        ports.plug(asked)


def run(session: dict[str, Any], decision: str = "approve") -> dict[str, Any]:
    """The agent has its user asked; the `authentication_result`."""
    url = session["authentication_metadata"]["sandbox_run_url"]
    answer = Client().post(urlsplit(url).path, {"decision": decision}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    result: dict[str, Any] = answer.json()
    return result


def decide(url: str, decision: str) -> HttpResponse:
    """The holder decides at the bank's page; what the bank answers their browser."""
    parts = urlsplit(url)
    shown = Client().get(f"{parts.path}?{parts.query}")
    assert shown.status_code == 200, shown.content
    given = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return Client().post(parts.path, {**given, "decision": decision})
