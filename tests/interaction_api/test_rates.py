"""How often one may ask (requirements 1.6)."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.conf import settings

from gateway import windows
from gateway.interaction_api import manifest
from gateway.windows import OwnWindows, SharedWindows
from tests.crowd import at_once
from tests.interaction_api.probes import GATED, probe
from tests.project.server import environment, free_port
from tests.visitors import Visitor, configured, failed, offering, visit

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SEARCH = "/search?q=mug"
CONTACT = {"name": "Ada", "email": "ada@example.com", "message": "Hello."}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Time that stands until it is moved, also where seconds are counted."""
    with time_machine.travel(NOON, tick=False) as traveller:

        class Stopped:
            @staticmethod
            def monotonic() -> float:
                return datetime.now(UTC).timestamp()

        monkeypatch.setattr(windows, "time", Stopped)
        yield traveller


@pytest.mark.requirement("AJ-060", "AJ-062", "AJ-065")
def test_as_many_as_the_limit_and_no_more(visitor: Visitor, clock: Any) -> None:
    """In any minute, whatever is asked; the wait and the time of the reset agree."""
    with configured(INTERACTION_RATE=5):
        assert manifest.document()["rate_limit"]["max_requests_per_minute"] == 5
        left = []
        for path in (SEARCH, "/browse", "/nothing", "/search", SEARCH):
            answer = visitor.get(path)
            left.append(answer.headers["X-RateLimit-Remaining"])
            assert answer.status_code != 429
            clock.shift(2)
        refused = visitor.get(SEARCH)

    assert left == ["4", "3", "2", "1", "0"]
    assert refused.status_code == 429
    assert failed(refused)
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert refused.headers["Retry-After"] == "50"
    assert int(refused.headers["X-RateLimit-Reset"]) == int(NOON.timestamp()) + 60


@pytest.mark.requirement("AJ-061")
def test_what_waits_as_told_is_admitted(visitor: Visitor, clock: Any) -> None:
    """And a second sooner it is not; fractions of seconds are rounded up."""
    with configured(INTERACTION_RATE=3):
        for _ in range(3):
            assert visitor.get(SEARCH).status_code == 200
            clock.shift(0.3)
        told_to_wait = int(visitor.get(SEARCH).headers["Retry-After"])
        clock.shift(told_to_wait - 1)
        early = visitor.get(SEARCH)
        clock.shift(1)
        late = visitor.get(SEARCH)

    assert early.status_code == 429
    assert late.status_code == 200


@pytest.mark.requirement("AJ-061", "AJ-066")
def test_the_wait_is_enough_for_every_limit_at_once(visitor: Visitor, clock: Any) -> None:
    """Where a stricter limit is full too, the longer wait is told."""
    with configured(INTERACTION_RATE=4, INTERACTION_RATES={"contact": 1}, SITE_CONTACT="shop@example.com"):
        visitor.get(SEARCH)
        clock.shift(30)
        assert visitor.post("/contact", CONTACT).status_code == 200
        visitor.get(SEARCH)
        visitor.get(SEARCH)
        refused = visitor.post("/contact", CONTACT)
        assert refused.headers["Retry-After"] == "60"
        clock.shift(60)
        assert visitor.post("/contact", CONTACT).status_code == 200


@pytest.mark.requirement("AJ-065")
def test_counted_before_anybody_is_identified(visitor: Visitor) -> None:
    """What is refused costs nothing: no session is looked for, no body is read."""
    with configured(INTERACTION_RATE=2), offering(GATED):
        assert visitor.post("/gated", raw=b"{").status_code == 401
        assert visitor.post("/gated").status_code == 401
        assert visitor.post("/gated", raw=b"{").status_code == 429


@pytest.mark.requirement("AJ-065")
def test_discovery_is_not_counted(visitor: Visitor) -> None:
    with configured(INTERACTION_RATE=1):
        for _ in range(3):
            assert (
                visitor.http.get("/.well-known/agents.json", REMOTE_ADDR=visitor.address).status_code == 200
            )
        assert visitor.get(SEARCH).status_code == 200
        assert visitor.get(SEARCH).status_code == 429
        assert visitor.http.get("/.well-known/agents.txt", REMOTE_ADDR=visitor.address).status_code == 200


@pytest.mark.requirement("AJ-065")
def test_many_others_lock_nobody_out() -> None:
    """The log of a process is bounded, and who was longest silent is forgotten first."""
    counts = OwnWindows(remembered=50)
    for number in range(200):
        assert counts.take([(f"n{number}", 1)]).wait_seconds == 0.0

    assert counts.take([("new", 1)]).wait_seconds == 0.0
    assert counts.take([("n199", 1)]).wait_seconds > 0
    assert len(counts._kept) <= 50


@pytest.mark.requirement("AJ-065")
def test_what_is_refused_makes_nobody_forgotten() -> None:
    """Whoever is over a limit, and makes up tokens, would free himself of his stricter ones."""
    counts = OwnWindows(remembered=50)
    assert counts.take([("address", 2), ("contact", 1)]).wait_seconds == 0.0
    assert counts.take([("address", 2)]).wait_seconds == 0.0

    for number in range(200):
        assert counts.take([("address", 2), (f"token {number}", 2)]).wait_seconds > 0

    assert counts.take([("contact", 1)]).wait_seconds > 0
    assert len(counts._kept) == 2


@pytest.mark.requirement("AJ-066")
def test_addresses_are_told_apart_and_networks_are_not(shop: None) -> None:
    """An IPv6 network of 64 bits is one; no User-Agent makes another."""
    with configured(INTERACTION_RATE=1):
        first = Visitor(address="2001:db8:1:1::1").get(SEARCH)
        neighbour = Visitor(address="2001:db8:1:1:ffff::2").get(SEARCH, User_Agent="Another/1.0")
        elsewhere = Visitor(address="2001:db8:1:2::1").get(SEARCH)
        v4 = Visitor(address="203.0.113.1").get(SEARCH)
        mapped = Visitor(address="::ffff:203.0.113.1").get(SEARCH)

    assert [answer.status_code for answer in (first, neighbour, elsewhere, v4, mapped)] == [
        200,
        429,
        200,
        200,
        429,
    ]


@pytest.mark.requirement("AJ-066")
def test_a_session_is_counted_wherever_it_comes_from(shop: None) -> None:
    """By every header that brings its token; another session at the same address has its own."""
    _, token = visit()
    brought = [{"X-Agent-Session": token}, {"Authorization": f"Bearer {token}"}, {"X-Session-Token": token}]
    with configured(INTERACTION_RATE=3):
        statuses = [
            Visitor(address=f"203.0.113.{number}").get(SEARCH, **headers).status_code
            for number, headers in enumerate([*brought, brought[0]])
        ]
        other = Visitor(visit()[1], address="203.0.113.9").get(SEARCH).status_code

    assert statuses == [200, 200, 200, 429]
    assert other == 200


@pytest.mark.requirement("AJ-066")
def test_a_refusal_counts_nowhere(shop: None, clock: Any) -> None:
    """Who knocks while refused does not put off the end of it, nor use up a session's limit elsewhere."""
    _, token = visit()
    with configured(INTERACTION_RATE=2):
        crowd = Visitor()
        crowd.get(SEARCH)
        crowd.get(SEARCH)
        busy = Visitor(token)
        for _ in range(10):
            assert busy.get(SEARCH).status_code == 429
            clock.shift(1)
        elsewhere = Visitor(token, address="203.0.113.9")
        assert [elsewhere.get(SEARCH).status_code for _ in range(2)] == [200, 200]
        clock.shift(50)
        assert busy.get(SEARCH).headers["Retry-After"] == "10"  # the session's two, elsewhere
        assert crowd.get(SEARCH).status_code == 200


@pytest.mark.requirement("AJ-066")
def test_tokens_that_are_none_are_soon_refused(shop: None) -> None:
    """For their address alone; a right token is heeded all the same."""
    _, token = visit()
    with configured(INTERACTION_RATES={"token": 3}), offering(GATED):
        guessing = [Visitor(f"tok_{number}").post("/gated", {"item_id": "a"}) for number in range(5)]
        right = Visitor(token).post("/gated", {"item_id": "a"})
        without = Visitor().post("/gated", {"item_id": "a"})
        elsewhere = Visitor("tok_9", address="203.0.113.9").post("/gated", {"item_id": "a"})

    assert [answer.status_code for answer in guessing] == [401, 401, 401, 429, 429]
    assert int(guessing[-1].headers["Retry-After"]) >= 1
    assert right.status_code == 201
    assert without.status_code == 401
    assert elsewhere.status_code == 401


@pytest.mark.requirement("AJ-066")
def test_a_capability_may_have_a_limit_of_its_own(visitor: Visitor) -> None:
    """Not only built-in ones: by its name."""
    with configured(INTERACTION_RATES={"probe.post": 2}), offering(probe(), probe("GET")):
        asked = [visitor.post("/probe", {"item_id": "a"}) for _ in range(3)]
        other = visitor.get("/probe?item_id=a")

    assert [answer.status_code for answer in asked] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in asked] == ["1", "0", "0"]
    assert other.status_code == 200


@pytest.mark.requirement("AJ-067")
def test_only_our_own_proxies_are_believed(shop: None) -> None:
    def asked(number: int) -> int:
        chain = f"203.0.113.{number}, 192.0.2.1"
        return Visitor(address="10.0.0.1").get(SEARCH, X_Forwarded_For=chain).status_code

    with configured(INTERACTION_RATE=2):
        rotating = [asked(number) for number in range(4)]
    with configured(INTERACTION_RATE=2, PROXIES=1):
        written_by_the_client = [asked(number) for number in range(4)]
    with configured(INTERACTION_RATE=2, PROXIES=2):
        written_by_a_proxy = [asked(number) for number in range(4)]

    assert rotating == [200, 200, 429, 429]
    assert written_by_the_client == [200, 200, 429, 429]
    assert written_by_a_proxy == [200] * 4


def test_no_address_and_no_token_is_kept_in_the_clear() -> None:
    names = []

    class Noted:
        def take(self, counts: windows.Counts) -> windows.Standing:
            names.extend(name for name, _ in counts)
            return windows.Standing(1, 0.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "_windows", Noted)
        Visitor("tok_secret", address="203.0.113.77").get("/nothing")

    assert len(names) == 2
    assert not [name for name in names if "203" in name or "tok_" in name]


def test_a_store_that_is_gone_leaves_each_process_to_count(caplog: pytest.LogCaptureFixture) -> None:
    """Better than nobody counting; complained about once."""
    counts = SharedWindows(f"redis://127.0.0.1:{free_port()}/0")

    admitted = [counts.take([("interaction:address:x", 5)]).wait_seconds == 0.0 for _ in range(10)]

    assert admitted == [True] * 5 + [False] * 5
    assert len(caplog.records) == 1


# --- One store for all workers ----------------------------------------------------------------------

LIMIT = 100
PATIENT = 20.0
"""Seconds: a busy machine must not look like a store that is gone."""


def _some(name: str, times: int) -> int:
    counts = SharedWindows(settings.REDIS_URL, timeout_seconds=PATIENT)
    return sum(counts.take([(name, LIMIT)]).wait_seconds == 0.0 for _ in range(times))


@pytest.mark.requirement("AJ-066", "R39")
@pytest.mark.services
def test_a_crowd_of_threads_is_admitted_as_one() -> None:
    name = f"test:{uuid.uuid4().hex}"

    assert sum(at_once(8, lambda _: _some(name, 50))) == LIMIT


ASKING = """
import json, sys
import django
django.setup()
from django.test import Client
from gateway import windows
store = sys.argv[1]
counts = windows.SharedWindows(store, timeout_seconds=20) if store else windows.OwnWindows()
windows._windows = lambda: counts
heard = []
for number in range(int(sys.argv[3])):
    answer = Client(raise_request_exception=False).get(
        "/.well-known/agents/api/nothing",
        REMOTE_ADDR="2001:db8:" + sys.argv[2] + "::" + format(number, "x"),
        headers={"X-Forwarded-For": f"10.0.0.{number % 250}", "User-Agent": f"agent {number}"},
    )
    heard.append([answer.status_code, answer.headers.get("Retry-After", "")])
print(json.dumps(heard))
"""


def _four_workers(store: str, times: int) -> list[tuple[int, str]]:
    """What four processes hear that serve one agent at once, with headers that change each time."""
    network = f"{uuid.uuid4().int % 0xFFFF:x}:{uuid.uuid4().int % 0xFFFF:x}"
    variables = environment(DJANGO_SETTINGS_MODULE="tests.interaction_api.limited_settings")
    command = [sys.executable, "-c", ASKING, store, network, str(times)]
    workers = [
        subprocess.Popen(command, cwd=settings.PROJECT_DIR, env=variables, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    heard = [json.loads(worker.communicate(timeout=180)[0]) for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4
    return [(status, wait) for one in heard for status, wait in one]


@pytest.mark.requirement("AJ-066", "R39")
@pytest.mark.services
def test_four_workers_admit_as_many_as_one() -> None:
    """Ten times the limit in a minute, rotating X-Forwarded-For and User-Agent: the limit is admitted,
    give or take 2 %, and each refusal says how long to wait."""
    heard = _four_workers(settings.REDIS_URL, LIMIT * 10 // 4)

    admitted = sum(status == 404 for status, _ in heard)
    refused = [wait for status, wait in heard if status == 429]
    assert LIMIT <= admitted <= LIMIT * 1.02
    assert admitted + len(refused) == LIMIT * 10
    assert all(re.fullmatch(r"\d+", wait) and 1 <= int(wait) <= windows.WINDOW_SECONDS for wait in refused)


@pytest.mark.services
def test_four_workers_that_count_alone_admit_four_times_as_many() -> None:
    """What the test above would see if the store were not shared."""
    heard = _four_workers("", LIMIT * 3 // 2)

    assert sum(status == 404 for status, _ in heard) == 4 * LIMIT


@pytest.mark.requirement("AJ-061", "R39")
@pytest.mark.services
def test_the_wait_that_the_store_tells_is_exact() -> None:
    """A moment less is not enough, so much is. The entries are made older for it."""
    counts = SharedWindows(settings.REDIS_URL, timeout_seconds=PATIENT)
    strict, wide = f"test:{uuid.uuid4().hex}", f"test:{uuid.uuid4().hex}"
    assert [counts.take([(strict, 2), (wide, 9)]).remaining for _ in range(2)] == [1, 0]

    refused = counts.take([(strict, 2), (wide, 9)])
    _age(counts, strict, refused.wait_seconds - 2)
    early = counts.take([(strict, 2), (wide, 9)])
    _age(counts, strict, early.wait_seconds)
    late = counts.take([(strict, 2), (wide, 9)])

    assert 50 < refused.wait_seconds <= 60
    assert refused.reset_seconds == pytest.approx(refused.wait_seconds, abs=0.01)
    assert 0 < early.wait_seconds <= 2
    assert late.wait_seconds == 0.0
    assert counts._redis.zcard(f"agentic:window:{wide}") == 3
    assert 0 < counts._redis.pttl(f"agentic:window:{strict}") <= 61_000


def _age(counts: SharedWindows, name: str, seconds: float) -> None:
    key = f"agentic:window:{name}"
    moved = {
        member: at - math.ceil(seconds * 1e6)
        for member, at in counts._redis.zrange(key, 0, -1, withscores=True)
    }
    counts._redis.zadd(key, moved)
