"""Rates of agents: a bucket in Redis that all workers share (ACP-024, T82, T83, R39)."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from gateway import checks, throttling
from gateway.models import IdempotentRequest
from gateway.throttling import LIMITS, MONEY, OTP, READ, WRITE, Limiter
from tests.acp.test_statements import statements
from tests.agents import MINIMAL, PlayedAgent, paying
from tests.crowd import at_once
from tests.project.server import environment, free_port

ONE_A_MINUTE = 1
"""So slow that a test sees no refill."""
PATIENT = 20.0
"""Seconds: a busy machine must not look like a store that is gone."""


@pytest.fixture
def slow_store() -> Iterator[dict[str, float]]:
    """The seconds that a request of each class has to wait; and who asks is refused or admitted by it."""
    waits: dict[str, float] = {}

    class Told:
        def wait(self, owner: str, kind: str) -> float:
            return waits.get(kind, 0.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(throttling, "_limiter", Told)
        yield waits


@pytest.fixture
def agent(transactional_db: None) -> PlayedAgent:
    from gateway import agents
    from gateway.shop import demo

    demo.load()
    agents.load_demo()
    return PlayedAgent()


@pytest.mark.requirement("ACP-023", "ACP-024")
def test_who_asks_too_fast_is_told_when_to_come_back(
    agent: PlayedAgent, slow_store: dict[str, float]
) -> None:
    """429, a flat error, Retry-After rounded up, and the same request with the same key works later."""
    slow_store[WRITE] = 1.2

    refused = agent.post("/checkout_sessions", MINIMAL, key="k1")
    slow_store[WRITE] = 0.0
    later = agent.post("/checkout_sessions", MINIMAL, key="k1")

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    assert set(refused.json()) == {"type", "code", "message"}
    assert (refused.json()["type"], refused.json()["code"]) == ("invalid_request", "rate_limited")
    assert refused.headers["Cache-Control"] == "no-store"
    assert later.status_code == 201
    assert IdempotentRequest.objects.count() == 1


@pytest.mark.requirement("ACP-024")
def test_each_class_of_request_has_its_own_rate(agent: PlayedAgent, slow_store: dict[str, float]) -> None:
    session = agent.ready()
    path = f"/checkout_sessions/{session['id']}"
    answering = {"intervention_response": {"type": "otp", "code": "no code at all"}}
    acts: dict[str, Any] = {
        READ: lambda: agent.get(path),
        WRITE: lambda: agent.post(path, {}),
        OTP: lambda: agent.post(path, answering),
        MONEY: lambda: agent.post(f"{path}/complete", paying()),
    }

    limited = {}
    for kind in acts:
        slow_store.clear()
        slow_store[kind] = 1.0
        limited[kind] = [name for name, act in acts.items() if name == kind and act().status_code == 429]
    slow_store.clear()
    slow_store[WRITE] = 1.0

    assert limited == {kind: [kind] for kind in acts}
    assert agent.get(path).status_code == 200
    assert acts[MONEY]().status_code == 200
    assert agent.cancel(session).status_code == 429


@pytest.mark.requirement("ACP-024")
def test_who_is_unknown_is_refused_before_anything_is_counted(
    agent: PlayedAgent, slow_store: dict[str, float]
) -> None:
    slow_store[WRITE] = 1.0

    assert agent.post("/checkout_sessions", raw=b"{", Authorization=None).status_code == 401
    assert agent.post("/checkout_sessions", raw=b"{").status_code == 429


@pytest.mark.requirement("T82")
def test_no_header_makes_another_agent(agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent is its key: rotating addresses and names changes nothing."""
    owners = set()

    class Noted:
        def wait(self, owner: str, kind: str) -> float:
            owners.add(owner)
            return 0.0

    monkeypatch.setattr(throttling, "_limiter", Noted)
    for number in range(5):
        changed = {"X-Forwarded-For": f"10.0.0.{number}", "User-Agent": f"agent {number}"}
        agent.post("/checkout_sessions", MINIMAL, **changed)

    assert len(owners) == 1
    PlayedAgent("other-agent-key").post("/checkout_sessions", MINIMAL)
    assert len(owners) == 2


def test_a_limit_costs_no_statement(agent: PlayedAgent, slow_store: dict[str, float]) -> None:
    agent.create()

    assert len(statements(lambda: agent.post("/checkout_sessions", MINIMAL))) == 6


@pytest.mark.requirement("ACP-024")
def test_a_store_that_is_gone_limits_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """It fails open, is left alone for a moment, and is complained about once a minute."""
    limiter = Limiter(f"redis://127.0.0.1:{free_port()}/0", {WRITE: (ONE_A_MINUTE, 1)})

    waits = [limiter.wait("key:x", WRITE) for _ in range(50)]

    assert waits == [0.0] * 50
    assert len(caplog.records) == 1
    assert "key:x" not in caplog.text


@pytest.mark.requirement("T83", "R39")
@pytest.mark.services
def test_a_crowd_is_admitted_no_more_often_than_one_would_be() -> None:
    """A burst of a hundred for all threads and connections together."""
    burst, owner = 100, f"key:{uuid.uuid4().hex}"

    def some(_: int) -> int:
        limiter = Limiter(settings.REDIS_URL, {WRITE: (ONE_A_MINUTE, burst)}, timeout_seconds=PATIENT)
        return sum(limiter.wait(owner, WRITE) == 0.0 for _ in range(50))

    admitted = sum(at_once(8, some))

    assert burst <= admitted <= burst * 1.02


ASKING = """
import sys, json
import django
django.setup()
from gateway.throttling import Limiter
url, owner, times = sys.argv[1:]
limiter = Limiter(url, {"write": (1, 100)}, timeout_seconds=20)
print(json.dumps(sum(limiter.wait(owner, "write") == 0.0 for _ in range(int(times)))))
"""


@pytest.mark.requirement("T83", "R39")
@pytest.mark.services
def test_four_workers_admit_no_more_than_one() -> None:
    owner = f"key:{uuid.uuid4().hex}"
    variables = environment(DJANGO_SETTINGS_MODULE="gateway.project.demo")
    command = [sys.executable, "-c", ASKING, settings.REDIS_URL, owner, "50"]
    workers = [
        subprocess.Popen(command, cwd=settings.PROJECT_DIR, env=variables, stdout=subprocess.PIPE)
        for _ in range(4)
    ]

    admitted = sum(json.loads(worker.communicate(timeout=120)[0]) for worker in workers)

    assert [worker.returncode for worker in workers] == [0] * 4
    assert 100 <= admitted <= 102


@pytest.mark.requirement("R39")
@pytest.mark.services
def test_what_waits_as_told_is_admitted() -> None:
    """The wait is exact: one moment less is not enough, so much is. Redis' own clock is moved for it."""
    limiter = Limiter(settings.REDIS_URL, {WRITE: (6, 2)}, timeout_seconds=PATIENT)
    owner = f"key:{uuid.uuid4().hex}"
    key = f"agentic:rate:{WRITE}:{owner}"
    assert [limiter.wait(owner, WRITE) for _ in range(2)] == [0.0, 0.0]

    told = limiter.wait(owner, WRITE)
    _age(limiter, key, told - 2)
    too_early = limiter.wait(owner, WRITE)
    _age(limiter, key, too_early)
    in_time = limiter.wait(owner, WRITE)

    assert 5 < told <= 10
    assert 0 < too_early <= 2
    assert in_time == 0.0
    assert limiter._redis.pttl(key) > 0


def _age(limiter: Limiter, key: str, seconds: float) -> None:
    """As if so much more time had passed since the bucket was last asked."""
    at = float(limiter._redis.hget(key, "at") or 0)
    limiter._redis.hset(key, "at", f"{at - seconds:.6f}")


@pytest.mark.parametrize(
    "limits", [{"read": (0, 1)}, {"reads": (1, 1)}, {"read": 5}, {"read": (1, 2, 3)}, {"read": (1.5, 2)}]
)
def test_a_limit_that_means_nothing_is_an_error(limits: dict[str, Any]) -> None:
    with override_settings(AGENTIC_GATEWAY={**settings.AGENTIC_GATEWAY, "RATE_LIMITS": limits}):
        assert [found.id for found in checks.rates(None)] == ["agentic.E033"]


def test_a_shop_without_limits_is_told() -> None:
    shop = {**settings.AGENTIC_GATEWAY, "DEMO": False}
    with override_settings(AGENTIC_GATEWAY=shop):
        assert [found.id for found in checks.rates(None)] == ["agentic.I001"]
    with override_settings(
        AGENTIC_GATEWAY={**shop, "RATE_STORE": "redis://store", "RATE_LIMITS": {"read": [60, 5]}}
    ):
        assert checks.rates(None) == []
        assert throttling.limits() == {**LIMITS, "read": (60, 5)}
