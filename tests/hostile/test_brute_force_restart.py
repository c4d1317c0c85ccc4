"""Guessing one-time codes at the real server, with two workers, killed in between (R23)."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.demo.mailbox import Mailbox
from tests.agents import ADDRESS, BASE, MINIMAL, VERSION
from tests.hostile.code_watch.apps import VARIABLE
from tests.hostile.guessing import CAPABLE, wrong
from tests.hostile.stores import Store, store
from tests.project.server import Server

pytestmark = [
    pytest.mark.server(database=True),
    pytest.mark.xdist_group("restart"),
    pytest.mark.requirement("R23", "T14", "T16"),
]

SETTINGS = "tests.hostile.code_watch_settings"
PER_CHALLENGE = 5
AT_ONCE = 24
EMAIL = "ada@example.com"


class Guesser:
    """An agent over real HTTP that is after the code of its session."""

    def __init__(self, server: Server) -> None:
        self._base = server.url + BASE
        body = {
            **MINIMAL,
            "line_items": [{"id": "item_sneakers"}],
            "capabilities": CAPABLE,
            "buyer": {"email": EMAIL},
            "fulfillment_details": {"address": ADDRESS},
        }
        session = self._post("/checkout_sessions", body).json()
        assert session["status"] == "authentication_required", session["messages"]
        self.session = str(session["id"])
        self.code = Mailbox(server.folder / "var" / "mail", seconds=20).code_for(EMAIL)

    def guess(self, code: str) -> httpx.Response:
        body = {"intervention_response": {"type": "otp", "code": code}}
        return self._post(f"/checkout_sessions/{self.session}", body)

    def wrong(self, number: int) -> httpx.Response:
        return self.guess(wrong(self.code, number))

    def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        headers = {
            "Authorization": "Bearer demo-agent-key",
            "API-Version": VERSION,
            "Idempotency-Key": uuid.uuid4().hex,
        }
        return httpx.post(self._base + path, json=body, headers=headers, timeout=90, trust_env=False)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Store]:
    with store(tmp_path) as found:
        yield found


@pytest.fixture
def server(tmp_path: Path, database: Store) -> Iterator[Server]:
    variables = {**database.variables, VARIABLE: str(tmp_path / "comparisons")}
    with Server(tmp_path, SETTINGS, **variables).start() as started:
        yield started


def comparisons(server: Server) -> Counter[str]:
    """How often a code was compared, by session."""
    seen = server.folder / "comparisons"
    return Counter(line.split()[1] for line in seen.read_text().splitlines()) if seen.exists() else Counter()


def failures(database: Store) -> float:
    """How many failures the one destination has."""
    ((moments,),) = database.rows(
        "SELECT moments FROM agentic_intervention_tally WHERE key LIKE 'failures:%'"
    )
    return sum(number for _, number in (json.loads(moments) if isinstance(moments, str) else moments))


def test_the_counters_survive_a_kill(server: Server, database: Store) -> None:
    """(d): what was tried before kill -9 counts after it, for the session and for the mailbox."""
    guesser = Guesser(server)
    before = [guesser.wrong(number).status_code for number in (1, 2, 3)]

    server.kill()
    server.start()
    after = [guesser.wrong(number).status_code for number in (4, 5, 6, 7)]
    late = guesser.guess(guesser.code)
    assert failures(database) == PER_CHALLENGE
    server.kill()
    server.start()
    again = guesser.guess(guesser.code)

    assert (before, after) == ([200] * 3, [200, 200, 400, 400])
    assert (late.status_code, late.json()["code"]) == (400, "no_pending_intervention")
    assert (again.status_code, again.json()) == (late.status_code, late.json())
    assert comparisons(server) == {guesser.session: PER_CHALLENGE}
    assert failures(database) == PER_CHALLENGE


def test_guesses_at_two_workers_at_once_are_five_comparisons(server: Server, database: Store) -> None:
    """(b), T16: over both processes."""
    guesser = Guesser(server)

    with ThreadPoolExecutor(AT_ONCE) as crowd:
        answers = list(crowd.map(guesser.wrong, range(1, AT_ONCE + 1)))

    assert comparisons(server) == {guesser.session: PER_CHALLENGE}
    assert failures(database) == PER_CHALLENGE
    assert not [answer for answer in answers if answer.status_code == 500]
    assert guesser.guess(guesser.code).status_code == 400
