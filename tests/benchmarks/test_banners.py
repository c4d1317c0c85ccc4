"""What fifty people with an open page that asks for news cost everybody else (AA-210, decision 34)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.benchmarks import beside, measuring
from tests.benchmarks.shop import throw_away_database
from tests.project.server import ROOT, Server, environment

pytestmark = pytest.mark.bench

PEOPLE = 50
EVERY_SECONDS = 5.0
"""As the banner's script does."""
NEWS = "/agentic/account/news"


def signed_in(database: str, folder: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.signed_in", str(PEOPLE)],
        cwd=ROOT,
        env=environment(VAR_DIR=str(folder / "var"), DATABASE_URL=database),
        stdout=subprocess.PIPE,
        check=True,
    )
    keys: list[str] = json.loads(done.stdout)
    return keys


@contextmanager
def watching(server: Server, sessions: list[str]) -> Iterator[list[str]]:
    """Meanwhile each of the people has a page open. How each request for news was answered."""
    over, seen = threading.Event(), list[str]()

    def watch(number: int, session: str) -> None:
        known = ""
        headers = {"Origin": f"http://localhost:{server.port}"}
        with httpx.Client(base_url=server.url, cookies={"sessionid": session}, timeout=60) as http:
            over.wait(EVERY_SECONDS * number / PEOPLE)
            while not over.is_set():
                answer = http.post(NEWS, headers={**headers, "X-Known": known})
                assert answer.status_code == 200, answer.text
                told = answer.json()
                seen.append("same" if told.get("same") else str(answer.status_code))
                known = told.get("version", "")
                over.wait(EVERY_SECONDS)

    people = [threading.Thread(target=watch, args=found) for found in enumerate(sessions)]
    for person in people:
        person.start()
    try:
        time.sleep(EVERY_SECONDS)  # everybody has come
        yield seen
    finally:
        over.set()
        for person in people:
            person.join(60)


def test_creates_beside_fifty_open_banners(tmp_path: Path) -> None:
    with throw_away_database(os.environ["DATABASE_URL"]) as database:
        measuring.prepare(database, tmp_path)
        sessions = signed_in(database, tmp_path)
        shared = {"DATABASE_URL": database, "WORKERS": "2", "THREADS": "16"}
        with Server(tmp_path, "tests.benchmarks.settings", **shared).start() as server:
            beside.measured(server, lambda: watching(server, sessions), "fifty open banners")
