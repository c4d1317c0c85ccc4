"""The server stopped, started again and killed between a request and its retry.

Issue "Foundation", "Done when"; R06 and R25; ACP-091, ACP-092.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.agents import ADDRESS, BASE, MINIMAL, VERSION, paying
from tests.hostile.gated_payments import GATE, STOPS_AFTER, STOPS_BEFORE
from tests.hostile.stores import Store, store
from tests.project.server import Server, eventually

pytestmark = [pytest.mark.server(database=True), pytest.mark.xdist_group("restart")]

SETTINGS = "tests.hostile.restart_settings"
PURCHASES = 12
"""All of them can be running in one worker, which has sixteen threads."""

PATIENCE_SECONDS = 90.0


class Shopper:
    """An agent over real HTTP, that can repeat a request with its key."""

    def __init__(self, url: str) -> None:
        self._base = url + BASE

    def post(self, path: str, body: dict[str, Any], key: str) -> httpx.Response:
        headers = {
            "Authorization": "Bearer demo-agent-key",
            "API-Version": VERSION,
            "Idempotency-Key": key,
        }
        return httpx.post(self._base + path, json=body, headers=headers, timeout=90, trust_env=False)

    def get(self, path: str) -> httpx.Response:
        headers = {"Authorization": "Bearer demo-agent-key", "API-Version": VERSION}
        return httpx.get(self._base + path, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False)

    def ready(self, item: str = "item_mug") -> str:
        """The id of a new session that can be paid."""
        body = {**MINIMAL, "line_items": [{"id": item}], "fulfillment_details": {"address": ADDRESS}}
        response = self.post("/checkout_sessions", body, uuid.uuid4().hex)
        assert response.status_code == 201, response.text
        assert response.json()["status"] == "ready_for_payment"
        return str(response.json()["id"])

    def complete(self, session: str, key: str, token: str = "spt_sandbox_ok") -> httpx.Response:
        return self.post(f"/checkout_sessions/{session}/complete", paying(token), key)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Store]:
    with store(tmp_path) as found:
        yield found


@pytest.fixture
def server(tmp_path: Path, database: Store) -> Iterator[Server]:
    with Server(tmp_path, SETTINGS, **database.variables).start() as started:
        yield started


def restart(server: Server) -> None:
    """The same server on the same database, all its processes new."""
    server.send(signal.SIGTERM)
    assert server.ended(within=45)
    assert not server.answers()
    server.start()


@pytest.mark.requirement("ACP-091", "ACP-092")
def test_a_restart_between_a_request_and_its_retry_replays_it(server: Server, database: Store) -> None:
    """ACP-091, ACP-092: same bytes, same status, marked as a replay; nothing is done twice."""
    shopper, stock = Shopper(server.url), mugs(database)
    session = shopper.ready()
    create = {**MINIMAL, "line_items": [{"id": "item_pens"}]}
    created = shopper.post("/checkout_sessions", create, "create-key")
    completed = shopper.complete(session, "complete-key")
    assert (created.status_code, completed.status_code) == (201, 200)

    restart(server)
    created_again = shopper.post("/checkout_sessions", create, "create-key")
    completed_again = shopper.complete(session, "complete-key")

    assert (created_again.status_code, created_again.content) == (201, created.content)
    assert (completed_again.status_code, completed_again.content) == (200, completed.content)
    for first, again in ((created, created_again), (completed, completed_again)):
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
    assert shopper.complete(session, "another-key").status_code == 405
    assert database.rows("SELECT count(*) FROM agentic_checkout_session") == [(2,)]
    assert_paid_once(database, [session], stock)


@pytest.mark.requirement("ACP-091", "ACP-093")
def test_a_refusal_is_replayed_after_a_restart_too(server: Server) -> None:
    """ACP-091, ACP-093: a kept 4xx stays the answer to its key; another body under the key is 422."""
    shopper = Shopper(server.url)
    path = f"/checkout_sessions/{shopper.ready()}/cancel"
    shopper.post(path, {}, "first-key")
    first = shopper.post(path, {}, "refused-key")
    assert first.status_code == 405

    restart(server)
    again = shopper.post(path, {}, "refused-key")
    other = shopper.post(path, {"intent_trace": {"reason_code": "other"}}, "refused-key")

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert other.status_code == 422


def test_a_session_from_before_a_restart_is_completed_after_it(server: Server, database: Store) -> None:
    """R25, I12: what was answered before is still true."""
    shopper, stock = Shopper(server.url), mugs(database)
    session = shopper.ready()
    before = shopper.get(f"/checkout_sessions/{session}")

    restart(server)
    after = shopper.get(f"/checkout_sessions/{session}")
    completed = shopper.complete(session, "complete-key")

    assert after.content == before.content
    assert (completed.status_code, completed.json()["status"]) == (200, "completed")
    assert_paid_once(database, [session], stock)


@pytest.mark.requirement("ACP-097", "ACP-098", "ACP-102")
def test_workers_killed_in_the_middle_of_completes_charge_nobody_twice(
    server: Server, database: Store, tmp_path: Path
) -> None:
    """R06: with kill -9, the retry of each key ends in the one order and the one charge of its session.
    Half of them are killed before they charge, half after, none has its order."""
    shopper, stock = Shopper(server.url), mugs(database)
    sessions = [shopper.ready() for _ in range(PURCHASES)]
    tokens = {session: (STOPS_BEFORE, STOPS_AFTER)[n % 2] for n, session in enumerate(sessions)}
    lost: list[str] = []

    def buy(session: str) -> httpx.Response:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = shopper.complete(session, f"key-of-{session}", tokens[session])
            except httpx.TransportError:
                lost.append(session)
            else:
                if answer.status_code not in (409, 503) or time.monotonic() > until:
                    return answer
            assert time.monotonic() < until, "no answer in time"
            time.sleep(0.3)

    with ThreadPoolExecutor(PURCHASES) as crowd:
        buying = [crowd.submit(buy, session) for session in sessions]
        try:
            assert eventually(lambda: running(database) == PURCHASES, within=PATIENCE_SECONDS)
            assert eventually(lambda: len(charges(database)) == PURCHASES // 2, within=PATIENCE_SECONDS)
            first, second = sorted(server.workers())
            os.kill(first, signal.SIGKILL)
            assert eventually(lambda: first not in server.workers(), within=PATIENCE_SECONDS)
            os.kill(second, signal.SIGKILL)
        finally:
            (tmp_path / "var" / GATE).touch()
        answers = {session: bought.result() for session, bought in zip(sessions, buying, strict=True)}

    assert set(lost) == set(sessions), "a request was not interrupted, so nothing was tried"
    assert Counter(answer.status_code for answer in answers.values()) == {200: PURCHASES}
    assert all(answer.json()["status"] == "completed" for answer in answers.values())
    for session, answer in answers.items():
        again = shopper.complete(session, f"key-of-{session}", tokens[session])
        assert (again.content, again.headers["Idempotent-Replayed"]) == (answer.content, "true")
        seen = shopper.get(f"/checkout_sessions/{session}").json()
        assert seen["order"]["id"] == answer.json()["order"]["id"]
    assert_paid_once(database, sessions, stock)
    assert eventually(lambda: undelivered(database) == 0, within=30)


def charges(database: Store) -> list[tuple[Any, ...]]:
    return database.rows("SELECT session, amount, outcome FROM agentic_checkout_sandbox_charge")


def running(database: Store) -> int:
    """How many payments have been opened and not been answered."""
    query = "SELECT count(*) FROM agentic_checkout_payment WHERE state = 'processing'"
    return int(database.rows(query)[0][0])


def undelivered(database: Store) -> int:
    query = "SELECT count(*) FROM agentic_outbox_message WHERE done_at IS NULL"
    return int(database.rows(query)[0][0])


def mugs(database: Store) -> int:
    """How many are left to sell."""
    return int(database.rows("SELECT available FROM agentic_shop_product WHERE id = 'item_mug'")[0][0])


def assert_paid_once(database: Store, sessions: list[str], stock: int) -> None:
    """These sessions, and no others, have exactly one order and one charge of the same amount,
    and each order took one mug out of the `stock` there was."""
    orders = {
        row[0]: row[1] for row in database.rows("SELECT session_id, amount FROM agentic_checkout_order")
    }
    charged = charges(database)
    payments = database.rows("SELECT session_id, state FROM agentic_checkout_payment")
    completed = database.rows("SELECT id FROM agentic_checkout_session WHERE state = 'completed'")
    held = database.rows("SELECT count(*) FROM agentic_shop_hold WHERE state = 'held'")

    assert Counter(session for session, _, _ in charged) == Counter(sessions)
    assert {session: amount for session, amount, outcome in charged if outcome == "authorized"} == orders
    assert Counter(session for session, _ in payments) == Counter(sessions)
    assert {state for _, state in payments} <= {"authorized", "captured"}
    assert sorted(row[0] for row in completed) == sorted(sessions)
    assert mugs(database) == stock - len(sessions)
    assert held == [(0,)]
