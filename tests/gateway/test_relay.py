"""Who delivers: one leader among several relays, replaced when it is gone; a loop that survives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction
from django.utils import timezone

from gateway import outbox, periodic, relay
from gateway.models import OutboxMessage, RelayLease
from gateway.outbox import DatabaseOutbox
from gateway.relay import Here, Relay, heartbeat_age, run_forever, start_thread

pytestmark = pytest.mark.django_db(transaction=True)

SOON_SECONDS = 20.0
"""For what takes milliseconds, on a machine that is busy with something else."""


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """A lease that ends when a test says so, no handlers and jobs but the test's own."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "RELAY_LEASE_SECONDS": 60.0}
    monkeypatch.setattr(outbox, "_handlers", {})
    monkeypatch.setattr(periodic, "_jobs", {})
    monkeypatch.setattr(relay, "_thread_pid", None)
    outbox.woken.clear()


@contextmanager
def running(work: Callable[[threading.Event], None] = run_forever) -> Iterator[threading.Event]:
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        outbox.woken.set()
        thread.join(60)
        assert not thread.is_alive()


def eventually(true: Callable[[], object], seconds: float = SOON_SECONDS) -> None:
    """`true` became true in time; returns as soon as it did."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def leads(candidate: Relay) -> bool:
    """One round of `candidate` in this thread; is it the leader now?"""
    candidate._renew_at = 0.0
    candidate.round(threading.Event())
    return candidate._leading


def add(kind: str = "probe", **payload: Any) -> None:
    with transaction.atomic():
        DatabaseOutbox().add(kind, payload)


# --- When ----------------------------------------------------------------------------------------


def test_a_commit_wakes_the_relay_of_its_process(settings: Any) -> None:
    """Decision 38: at once, without a broker; here the poll alone would take a minute."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "RELAY_POLL_SECONDS": 60.0}
    handled = threading.Event()
    outbox.register("probe", lambda payload: handled.set())

    with running():
        eventually(lambda: heartbeat_age() is not None)
        time.sleep(0.3)
        add()

        assert handled.wait(SOON_SECONDS)


def test_a_commit_of_another_process_is_found_by_the_poll() -> None:
    handled = threading.Event()
    outbox.register("probe", lambda payload: handled.set())

    with running():
        eventually(lambda: heartbeat_age() is not None)
        time.sleep(0.3)
        OutboxMessage.objects.create(kind="probe")

        assert handled.wait(SOON_SECONDS)


def test_a_slow_effect_does_not_hold_up_another() -> None:
    """Decision 38 beside a slow payment provider."""
    go_on = threading.Event()
    handled = threading.Event()
    outbox.register("slow", lambda payload: go_on.wait(60))
    outbox.register("quick", lambda payload: handled.set())
    add("slow")
    add("quick")

    with running():
        quick_in_time = handled.wait(SOON_SECONDS)
        slow_is_at_it = OutboxMessage.objects.get(kind="slow").done_at is None
        go_on.set()

    assert quick_in_time
    assert slow_is_at_it


def test_a_stopped_relay_has_finished_what_it_was_at() -> None:
    started = threading.Event()

    def handler(payload: dict[str, Any]) -> None:
        started.set()
        time.sleep(0.5)

    outbox.register("probe", handler)
    add()

    with running() as stop:
        assert started.wait(SOON_SECONDS)
        stop.set()

    assert OutboxMessage.objects.get().done_at is not None


def test_many_messages_are_all_delivered_while_others_are_added() -> None:
    handled: list[int] = []
    outbox.register("probe", lambda payload: handled.append(payload["n"]))

    with running():
        for n in range(150):
            add(n=n)
        eventually(lambda: len(handled) >= 150, 60)

    assert sorted(handled) == list(range(150))


# --- Who -----------------------------------------------------------------------------------------


def test_one_relay_leads_and_is_replaced_within_its_lease() -> None:
    """A killed leader: it just never comes back."""
    killed, standby = Relay(), Relay()

    assert leads(killed)
    assert not leads(standby)
    assert leads(killed)
    RelayLease.objects.update(until=timezone.now())
    assert leads(standby)

    assert not leads(killed)
    assert RelayLease.objects.get().holder == standby.holder


def test_a_relay_that_stands_by_delivers_nothing() -> None:
    handled: list[object] = []
    outbox.register("probe", handled.append)
    leader, standby = Relay(), Relay()
    assert leads(leader)
    add()

    assert not leads(standby)

    assert OutboxMessage.objects.get().tries == 0
    assert handled == []


def test_a_relay_that_ends_hands_over_at_once() -> None:
    with running():
        eventually(lambda: heartbeat_age() is not None)

    assert leads(Relay())


def test_relays_starting_together_elect_one() -> None:
    """The first lease row is inserted by one of them, whoever is first."""
    candidates = [Relay() for _ in range(4)]
    ready = threading.Barrier(4)

    def campaign(candidate: Relay) -> None:
        try:
            ready.wait(SOON_SECONDS)
            leads(candidate)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=campaign, args=(candidate,)) for candidate in candidates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [candidate._leading for candidate in candidates].count(True) == 1


def test_the_heart_beats_while_a_relay_leads() -> None:
    """Decision 5: /readyz looks at the relay."""
    assert heartbeat_age() is None

    with running():
        eventually(lambda: heartbeat_age() is not None)
        first = RelayLease.objects.get()
        eventually(lambda: RelayLease.objects.get().beat_at > first.beat_at)
        age = heartbeat_age()

    assert RelayLease.objects.get().holder == first.holder
    assert age is not None
    assert 0 <= age < SOON_SECONDS


# --- Surviving -----------------------------------------------------------------------------------


def test_a_bad_round_is_logged_and_the_next_one_works(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """R18: the database comes back and so does the relay."""
    handled = threading.Event()
    outbox.register("probe", lambda payload: handled.set())
    rounds: list[int] = []
    really_due = Here.due

    def due(limit: int) -> list[str]:
        rounds.append(1)
        if len(rounds) < 3:
            raise OperationalError("canary: server closed the connection")
        return really_due(limit)

    monkeypatch.setattr(Here, "due", staticmethod(due))
    add()

    with running():
        assert handled.wait(SOON_SECONDS)

    assert "OperationalError" in caplog.text
    assert "canary" not in caplog.text


def test_periodic_jobs_run_again_and_again_and_one_bad_one_stops_nothing() -> None:
    """Reliability-security 4.2: sweepers, run by the relay."""
    good: list[float] = []
    bad: list[float] = []

    def fail() -> None:
        bad.append(time.monotonic())
        raise RuntimeError

    periodic.periodic("bad", 0.2, fail)
    periodic.periodic("good", 0.2, lambda: good.append(time.monotonic()))

    with running():
        eventually(lambda: len(good) >= 3 and len(bad) >= 3)

    assert good[1] - good[0] >= 0.19


def test_a_slow_periodic_job_is_not_started_beside_itself() -> None:
    go_on = threading.Event()
    starts: list[int] = []
    others: list[int] = []

    def slow() -> None:
        starts.append(1)
        go_on.wait(60)

    periodic.periodic("slow", 0.05, slow)
    periodic.periodic("other", 0.05, lambda: others.append(1))

    with running():
        eventually(lambda: len(others) >= 4)
        started = len(starts)
        go_on.set()

    assert started == 1


# --- The thread of a web worker ------------------------------------------------------------------


def test_the_thread_starts_once_per_process(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Recipes 1: guarded by process id, so that a fork gets its own."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "RELAY": "thread"}
    runs: list[tuple[str, bool]] = []

    def run(self: Relay, stop: threading.Event) -> None:
        runs.append((threading.current_thread().name, threading.current_thread().daemon))

    monkeypatch.setattr(Relay, "run", run)

    start_thread()
    start_thread()
    eventually(lambda: runs)
    monkeypatch.setattr(relay, "_thread_pid", -1)  # as in a child whose parent had called it
    start_thread()
    eventually(lambda: len(runs) == 2)

    assert runs == [("agentic-relay", True)] * 2


def test_no_thread_starts_when_the_relay_is_off(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "RELAY": "off"}
    before = threading.active_count()

    start_thread()

    assert threading.active_count() == before
    assert relay._thread_pid is None
