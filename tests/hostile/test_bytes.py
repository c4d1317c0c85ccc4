"""Requests written byte by byte, to the real server (issue "Foundation", "Done when"; T72 to T86)."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.agents import ADDRESS, paying
from tests.hostile import contents, framing
from tests.hostile.cases import BY_SERVER, SESSIONS, Case, get, post
from tests.hostile.judging import faults
from tests.hostile.sockets import Answer, exchange
from tests.hostile.stores import store
from tests.project.server import Server

THREADS = 16

pytestmark = [pytest.mark.server(database=True), pytest.mark.xdist_group("hostile bytes")]

CASES = [
    *(*framing.LENGTHS, *framing.CHUNKS, *framing.CONNECTIONS),
    *(*contents.TARGETS, *contents.METHODS, *contents.HEADERS, *contents.CONTENT_TYPES, *contents.BODIES),
]

ROWS = [pytest.param(case, id=case.name) for case in CASES]


@dataclass
class Target:
    """The server under fire, and who answered so far."""

    server: Server
    workers: set[int]
    who: Counter[str] = field(default_factory=Counter)

    def post(self, path: str, body: dict[str, Any], key: str) -> httpx.Response:
        headers = {
            "Authorization": "Bearer demo-agent-key",
            "API-Version": "2026-04-17",
            "Idempotency-Key": key,
        }
        url = f"{self.server.url}{SESSIONS}{path}"
        return httpx.post(url, json=body, headers=headers, timeout=15, trust_env=False)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder: Path = tmp_path_factory.mktemp("hostile")
    with store(folder) as database, Server(folder, **database.variables).start() as server:
        target = Target(server, server.workers())
        yield target
        print(f"\nHostile bytes: {len(CASES)} requests; answered or refused by: {dict(target.who)}")


@pytest.mark.requirement("ACP-006", "ACP-017")
@pytest.mark.parametrize("case", ROWS)
def test_hostile_bytes(target: Target, case: Case) -> None:
    """T72 to T86: never a 5xx, never HTML for a program, errors in ACP's words, nothing smuggled."""
    heard = exchange(target.server.port, case.steps, answers=len(case.answers), until_closed=case.ends)

    assert len(heard.answers) <= len(case.answers), "one answer too many: a request was smuggled"
    for number, may in enumerate(case.answers):
        answer = heard.answers[number] if number < len(heard.answers) else None
        _judge(case, may, answer, path=case.path if number == 0 else SESSIONS)
        target.who[_who(answer)] += 1
    assert heard.ended or not case.ends, "the connection was left open"
    after = exchange(target.server.port, [get("/healthz")], answers=1)
    assert [answer.status for answer in after.answers] == [200]


def test_bodies_that_never_come_take_no_thread_for_ever(target: Target) -> None:
    """T81: while they wait they hold threads, so a proxy that buffers stands before a production
    server; when their clients have gone, so have they."""
    stalled = [socket.create_connection(("127.0.0.1", target.server.port)) for _ in range(2 * THREADS + 8)]
    for connection in stalled:
        connection.sendall(post()[:-10])

    for connection in stalled:
        connection.close()

    for _ in range(6):
        heard = exchange(target.server.port, [get("/healthz")], answers=1)
        assert [answer.status for answer in heard.answers] == [200]


def test_a_normal_purchase_works_afterwards(target: Target) -> None:
    """Issue "Foundation": the server is alive, and no worker had to be replaced."""
    created = target.post(
        "",
        {
            "line_items": [{"id": "item_mug"}],
            "currency": "usd",
            "capabilities": {},
            "fulfillment_details": {"address": ADDRESS},
        },
        key="normal-create",
    )
    completed = target.post(f"/{created.json()['id']}/complete", paying(), key="normal-complete")

    assert (created.status_code, completed.status_code) == (201, 200)
    assert completed.json()["status"] == "completed"
    assert target.server.workers() == target.workers
    assert "Traceback" not in target.server.log


def test_the_table_is_long_enough_and_its_rows_differ() -> None:
    """Issue "Foundation" asks for at least 40."""
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)
    assert len({case.steps for case in CASES}) == len(CASES)


def _judge(case: Case, may: tuple[int, ...], answer: Answer | None, path: str) -> None:
    if answer is None or answer.by_the_server:
        assert BY_SERVER in may, "no answer of ours"
        return
    found = faults(path, answer.status, answer.header, answer.body)
    assert not found, (found, answer)
    assert answer.status in may, answer
    assert not answer.header("x-injected")
    assert "evil.example" not in answer.body.decode()


def _who(answer: Answer | None) -> str:
    if answer is None:
        return "nobody, the connection was closed"
    return "the HTTP server" if answer.by_the_server else "the application"
