"""The account at the acquirer from settings, and the demo shop beside the process."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from checkout.payments.acquirer import AcquirerProvider
from gateway import acquirer_account
from tests.acquirer.process import Acquirer
from tests.agents import ADDRESS, BASE, MINIMAL, VERSION, paying
from tests.gateway.test_checks import GOOD, found
from tests.project.server import Server, eventually

ACCOUNT = {
    "url": "https://acquirer.example",
    "key": "key-of-the-account-1",
    "webhook_secret": "secret-of-the-account-1",
}


@pytest.mark.parametrize(
    "changed",
    [
        {"url": ""},
        {"url": "http://acquirer.example"},
        {"url": "https://acquirer.example/path"},
        {"url": None},
        {"key": "short"},
        {"key": 5},
        {"webhook_secret": ""},
        {"timeout_seconds": 0},
        {"timeout_seconds": 11},
        {"timeout_seconds": True},
        {"retries": -1},
        {"retries": 4},
        {"retries": 1.0},
        {"name": 1},
        {"secret": "x"},
    ],
)
def test_an_account_that_cannot_be_used_is_reported_without_its_secrets(changed: dict[str, Any]) -> None:
    account = {**ACCOUNT, **changed}

    assert found(ACQUIRER=account) == {"agentic.E048"}
    with override_settings(AGENTIC_GATEWAY={"ACQUIRER": account}):
        with pytest.raises(ImproperlyConfigured) as problem:
            acquirer_account.provider()
        (message,) = acquirer_account.acquirer(None)
    for text in (str(problem.value), message.msg):
        assert "of-the-account" not in text


def test_an_account_in_order_is_clean() -> None:
    assert found(ACQUIRER=ACCOUNT) == set()
    assert found(ACQUIRER={**ACCOUNT, "url": "http://localhost:8110"}) == set()
    with override_settings(AGENTIC_GATEWAY={"ACQUIRER": {**ACCOUNT, "timeout_seconds": 3, "retries": 0}}):
        part = acquirer_account.provider()
    assert isinstance(part, AcquirerProvider)
    assert (part.timeout_seconds, part.retries) == (3, 0)


def test_outside_the_demo_it_is_https_its_secrets_are_its_own_and_nobody_takes_it_for_money(
    settings: Any,
) -> None:
    settings.SECRET_KEY = GOOD

    def outside(**changed: Any) -> set[str]:
        return found(
            DEMO=False,
            PUBLIC_URL="https://shop.example",
            HASH_KEYS=[GOOD],
            RATE_STORE="redis://store",
            INTERVENTIONS={},
            SANDBOX_BANK={},
            OTP_CHANNELS=["email"],
            SMS={},
            VAULT={},
            AUTHENTICATION={},
            AAUTH_ISSUERS={},
            REACH_PUSH_KEY="",
            PAYMENTS="gateway.acquirer_account.provider",
            ACQUIRER={**ACCOUNT, **changed},
        )

    assert outside() == {"agentic.W001"}
    assert "agentic.E048" in outside(url="http://localhost:8110")
    assert "agentic.E049" in outside(key="demo-only-acquirer-key")


@pytest.mark.server
def test_the_demo_shop_is_paid_through_it(tmp_path: Path) -> None:
    """docs/sandbox.md: three variables, and outages can be tried by hand."""
    with Acquirer(tmp_path) as acquirer:
        shop = Server(
            tmp_path,
            AGENTIC_PAYMENTS="gateway.acquirer_account.provider",
            ACQUIRER_URL=acquirer.origin,
            ACQUIRER_KEY=acquirer.settings["key"],
            ACQUIRER_WEBHOOK_SECRET=acquirer.settings["webhook_secret"],
        )
        with shop.start(within=120) as server:
            first = buy(server)
            assert first["status"] == "completed"
            [charge] = acquirer.charges
            assert charge["session"] == first["id"]
            assert eventually(lambda: acquirer.charges[0]["status"] == "captured", within=30)

            # It is not there: the payment is unknown, and nobody says declined.
            acquirer.kill()
            session, answer = tried(server)
            assert answer.status_code == 503, answer.text
            acquirer.start()

            key = answer.request.headers["Idempotency-Key"]
            assert eventually(lambda: complete(server, session, key).status_code == 200, within=60)
            [_, second] = acquirer.charges
            assert second["session"] == session


def ask(server: Server, path: str, body: Any, key: str) -> httpx.Response:
    headers = {"Authorization": "Bearer demo-agent-key", "API-Version": VERSION, "Idempotency-Key": key}
    return httpx.post(server.url + BASE + path, json=body, headers=headers, timeout=60, trust_env=False)


def complete(server: Server, session: str, key: str) -> httpx.Response:
    return ask(server, f"/checkout_sessions/{session}/complete", paying(), key)


def tried(server: Server) -> tuple[str, httpx.Response]:
    """A session with an address, and the answer to its payment."""
    body = {**MINIMAL, "fulfillment_details": {"address": ADDRESS}}
    number = uuid.uuid4().hex
    session = ask(server, "/checkout_sessions", body, f"create-{number}").json()["id"]
    return session, complete(server, session, f"complete-{number}")


def buy(server: Server) -> dict[str, Any]:
    _, answer = tried(server)
    assert answer.status_code == 200, answer.text
    bought: dict[str, Any] = answer.json()
    return bought
