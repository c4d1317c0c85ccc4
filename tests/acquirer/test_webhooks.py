"""The acquirer's messages: signed, at least once, as often and in whatever order it was told."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.acquirer.account import provider
from tests.acquirer.process import Acquirer
from tests.project.server import eventually

_numbers = itertools.count(1)
PATIENCE = 30.0


class Merchant:
    """A server that writes down what it hears. `says` is its answer."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.says = 200
        merchant = self

        class Listening(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                merchant.heard.append((dict(self.headers), body))
                self.send_response(merchant.says)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing is written."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Listening)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def types(self, key: str) -> list[str]:
        told = [json.loads(body) for _, body in list(self.heard)]
        return [event["type"] for event in told if event["key"] == key]

    def ids(self, key: str) -> Counter[str]:
        told = [json.loads(body) for _, body in list(self.heard)]
        return Counter(event["id"] for event in told if event["key"] == key)


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    found = Merchant()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def telling(tmp_path: Path, merchant: Merchant) -> Iterator[Acquirer]:
    with Acquirer(tmp_path, webhook=merchant.url) as acquirer:
        yield acquirer


def charge(acquirer: Acquirer, token: str = "spt_sandbox_ok") -> tuple[str, str]:
    """A new one: its key and its id."""
    key = f"pay_hook_{next(_numbers)}"
    body = {"amount": 4_200, "currency": "usd", "token": token, "session": "cs"}
    return key, acquirer.ask("POST", "/charges", key=key, json=body).json()["id"]


def test_every_change_is_told_signed(telling: Acquirer, merchant: Merchant) -> None:
    key, id = charge(telling)
    telling.ask("POST", f"/charges/{id}/capture")
    telling.ask("POST", f"/charges/{id}/refunds", key=f"{key}:1", json={"amount": 1})
    voided, other = charge(telling)
    telling.ask("POST", f"/charges/{other}/void")
    declined, _ = charge(telling, "spt_sandbox_declined")
    asked, _ = charge(telling, "spt_sandbox_3ds_challenge")

    assert eventually(lambda: len(merchant.heard) >= 7, within=PATIENCE)
    assert sorted(merchant.types(key)) == ["authorized", "captured", "refunded"]
    assert sorted(merchant.types(voided)) == ["authorized", "voided"]
    assert merchant.types(declined) == ["declined"]
    assert merchant.types(asked) == ["requires_action"]
    part = provider(telling)
    for headers, body in merchant.heard:
        event = part.parse_webhook(body, headers)
        assert event is not None
        assert (event.id, event.attempt_id) == (json.loads(body)["id"], json.loads(body)["key"])
    # What is said twice changes nothing, and is told once.
    telling.ask("POST", f"/charges/{id}/capture")
    assert len([event for event in telling.ledger["events"] if event["key"] == key]) == 3


def test_a_storm_is_the_same_events_again_in_another_order(telling: Acquirer, merchant: Merchant) -> None:
    telling.control(seed=3, webhooks={"copies": 5, "shuffle": True, "spread_seconds": 1})

    made = [charge(telling) for _ in range(6)]
    for _, id in made:
        telling.ask("POST", f"/charges/{id}/capture")

    assert eventually(lambda: len(merchant.heard) >= 60, within=PATIENCE)
    for key, _ in made:
        assert sorted(merchant.ids(key).values()) == [5, 5]
    first = [merchant.types(key)[0] for key, _ in made]
    sent = [event["id"] for event in telling.ledger["events"]]
    heard = list(dict.fromkeys(json.loads(body)["id"] for _, body in merchant.heard))
    assert heard != sent, first


def test_a_message_that_was_not_taken_comes_again(telling: Acquirer, merchant: Merchant) -> None:
    merchant.says = 500
    key, _ = charge(telling)
    assert eventually(lambda: len(merchant.heard) == 1, within=PATIENCE)

    merchant.says = 204

    assert eventually(lambda: merchant.ids(key).total() >= 2, within=PATIENCE)
    assert len(merchant.ids(key)) == 1
    assert eventually(
        lambda: [row["state"] for row in telling.ledger["deliveries"]] == ["taken"], within=PATIENCE
    )


def test_messages_survive_a_kill(tmp_path: Path, merchant: Merchant) -> None:
    with Acquirer(tmp_path, webhook=merchant.url) as acquirer:
        acquirer.control(webhooks={"delay_seconds": 2})
        key, _ = charge(acquirer)
        acquirer.kill()
        assert merchant.heard == []

        acquirer.start()

        assert eventually(lambda: merchant.types(key) == ["authorized"], within=PATIENCE)


def test_a_pending_refund_goes_through_later(telling: Acquirer, merchant: Merchant) -> None:
    telling.control(refunds={"seconds": 0.5})
    key, id = charge(telling, "spt_sandbox_refund_pending")
    telling.ask("POST", f"/charges/{id}/capture")

    made = telling.ask("POST", f"/charges/{id}/refunds", key=f"{key}:1", json={"amount": 200}).json()

    assert made["state"] == "pending"
    assert eventually(lambda: "refunded" in merchant.types(key), within=PATIENCE)
    query = {"key": f"{key}:1"}
    assert telling.ask("GET", f"/charges/{id}/refunds", params=query).json()["state"] == "completed"
