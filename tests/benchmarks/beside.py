"""What a crowd that waits costs everybody else: creates one after another, alone and beside it in turn.

BENCH_CREATES (300) creates are sent in each of BENCH_ROUNDS (3) rounds. A measurement, which fails only when
it could not measure.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx

from tests.agents import BASE, MINIMAL, VERSION
from tests.project.server import Server

Crowd = Callable[[], AbstractContextManager[list[str]]]
"""Everybody is there until the end; how each of their requests was answered."""


def measured(server: Server, crowd: Crowd, name: str) -> None:
    """Creates alone and beside the crowd; what came of it is printed."""
    count = int(os.environ.get("BENCH_CREATES") or 300)
    alone: list[float] = []
    beside: list[float] = []
    answers: list[str] = []
    creates(server, count // 3)
    for _ in range(int(os.environ.get("BENCH_ROUNDS") or 3)):
        alone += creates(server, count)
        with crowd() as seen:
            beside += creates(server, count)
        answers += seen
    alone.sort()
    beside.sort()
    answered = {kind: answers.count(kind) for kind in sorted(set(answers))}
    for which, took in (("alone", alone), (f"beside {name}", beside)):
        print(f"create {which}: p50 {at(0.5, took):.1f} ms, p99 {at(0.99, took):.1f} ms")
    print(f"p99 ratio {at(0.99, beside) / at(0.99, alone):.2f}; their answers: {answered}")


def creates(server: Server, count: int) -> list[float]:
    """How many milliseconds each took, in order of length."""
    headers = {"Authorization": "Bearer demo-agent-key", "API-Version": VERSION}
    took = []
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as http:
        for _ in range(count):
            began = time.perf_counter()
            key = {"Idempotency-Key": uuid.uuid4().hex}
            answer = http.post(f"{BASE}/checkout_sessions", json=MINIMAL, headers=key)
            took.append(1000 * (time.perf_counter() - began))
            assert answer.status_code == 201
    return sorted(took)


def at(share: float, took: list[float]) -> float:
    return took[min(len(took) - 1, int(share * len(took)))]
