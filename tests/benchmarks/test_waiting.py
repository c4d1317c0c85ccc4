"""What fifty agents that wait for their people cost everybody else (`Prefer: wait`, decision 34)."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.agents import ADDRESS, BASE, MINIMAL, VERSION
from tests.benchmarks import beside, measuring
from tests.benchmarks.shop import throw_away_database
from tests.project.server import Server

pytestmark = pytest.mark.bench

AGENTS = 50
ASKING = {"line_items": [{"id": "item_sneakers"}], "fulfillment_details": {"address": ADDRESS}}


def signed(name: str, **more: str) -> dict[str, str]:
    told = {"Signature-Input": "sig=played", "X-Played-Agent": name, "AAuth-Capabilities": "interaction"}
    return {"API-Version": VERSION, **told, **more}


def parked(server: Server, number: int) -> str:
    """Where the agent of that number asks what becomes of its call."""
    body = {**MINIMAL, **ASKING, "buyer": {"email": f"buyer{number}@example.com"}}
    headers = signed(f"agent {number}", **{"Idempotency-Key": uuid.uuid4().hex})
    answer = httpx.post(f"{server.url}{BASE}/checkout_sessions", json=body, headers=headers, timeout=60)
    assert answer.status_code == 202, answer.text
    return urlsplit(answer.headers["Location"]).path


@contextmanager
def waiting(server: Server, places: list[str]) -> Iterator[list[str]]:
    """Meanwhile each of the agents polls, patiently. How each poll was answered."""
    over, seen = threading.Event(), list[str]()

    def wait(number: int, place: str) -> None:
        with httpx.Client(base_url=server.url, timeout=60) as http:
            while not over.is_set():
                answer = http.get(place, headers=signed(f"agent {number}", Prefer="wait=20"))
                seen.append("held" if "Preference-Applied" in answer.headers else str(answer.status_code))
                over.wait(float(answer.headers.get("Retry-After", 5)))

    agents = [threading.Thread(target=wait, args=found) for found in enumerate(places)]
    for agent in agents:
        agent.start()
    try:
        time.sleep(2)  # everybody has come
        yield seen
    finally:
        over.set()
        for agent in agents:
            agent.join(60)


def test_creates_beside_fifty_waiting_agents(tmp_path: Path) -> None:
    with throw_away_database(os.environ["DATABASE_URL"]) as database:
        measuring.prepare(database, tmp_path)
        shared = {"DATABASE_URL": database, "WORKERS": "2", "THREADS": "16"}
        with Server(tmp_path, "tests.benchmarks.waiting_settings", **shared).start() as server:
            places = [parked(server, number) for number in range(AGENTS)]
            beside.measured(server, lambda: waiting(server, places), "fifty waiting agents")
