"""Delivering one message: exclusive, at least once, on a fixed schedule, then dead."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from celery import Celery
from django.db import connection, connections, transaction
from django.utils import timezone

from gateway import delivery, outbox, publishing
from gateway.conf import conf
from gateway.delivery import DELAYS_SECONDS, backlog, deliver, deliver_due, purge, run_again
from gateway.models import OutboxMessage

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
CANARY = "canary-4242"


class Broken(Exception):
    """What a handler raises here."""


@pytest.fixture(autouse=True)
def _handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_handlers", {})


@pytest.fixture
def seen() -> list[dict[str, Any]]:
    """Payloads that the handler of "probe" was given."""
    payloads: list[dict[str, Any]] = []
    outbox.register("probe", payloads.append)
    return payloads


@pytest.fixture
def short_lease(settings: Any) -> float:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "MESSAGE_LEASE_SECONDS": 0.3}
    outbox._handlers.clear()
    return 0.3


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def message(**columns: Any) -> OutboxMessage:
    return OutboxMessage.objects.create(**{"kind": "probe", "payload": {"n": 1}, **columns})


def in_threads(count: int, work: Callable[[], object]) -> None:
    """`work` ran in so many threads that started together; connections are closed."""
    ready = threading.Barrier(count)

    def run() -> None:
        try:
            ready.wait(10)
            work()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def broken(payload: dict[str, Any]) -> None:
    raise Broken(f"quoting {CANARY}")


# --- One delivery --------------------------------------------------------------------------------


def test_a_due_message_is_handled_once(seen: list[dict[str, Any]]) -> None:
    row = message(payload={"payment": "pay_1"})

    assert deliver(row.pk)
    assert not deliver(row.pk)

    row.refresh_from_db()
    assert seen == [{"payment": "pay_1"}]
    assert row.done_at is not None
    assert (row.lease_until, row.tries, row.error) == (None, 1, "")


def test_a_handler_finds_no_transaction_open() -> None:
    """The money rule; reliability-security 4.2: never POST inside the claim's transaction."""
    open_inside: list[bool] = []
    outbox.register("probe", lambda payload: open_inside.append(connection.in_atomic_block))

    assert deliver(message().pk)

    assert open_inside == [False]


def test_delivering_inside_a_transaction_is_refused(seen: list[dict[str, Any]]) -> None:
    row = message()

    with pytest.raises(RuntimeError), transaction.atomic():
        deliver(row.pk)

    assert seen == []


def test_what_is_not_ours_to_do_is_left_alone(seen: list[dict[str, Any]]) -> None:
    now = timezone.now()
    minute = timedelta(minutes=1)
    rows = [
        message(due_at=now + minute),
        message(lease_until=now + minute),
        message(done_at=now),
        message(dead_at=now),
    ]

    assert [deliver(row.pk) for row in rows] == [False] * 4
    assert not deliver("msg_unknown")
    assert deliver_due() == 0

    assert seen == []


def test_the_longest_due_goes_first_and_the_limit_holds(seen: list[dict[str, Any]]) -> None:
    now = timezone.now()
    for n, age in enumerate((1, 3, 2)):
        message(payload={"n": n}, due_at=now - timedelta(seconds=age))

    assert deliver_due(limit=2) == 2

    assert seen == [{"n": 1}, {"n": 2}]


def test_backlog_counts_what_waits_for_a_worker(clock: time_machine.Traveller) -> None:
    """What somebody is at is not waiting; what a dead worker left is."""
    assert backlog() == (0, 0.0)
    message(due_at=NOON - timedelta(seconds=30))
    message(due_at=NOON - timedelta(seconds=10), lease_until=NOON)
    message(due_at=NOON - timedelta(seconds=90), lease_until=NOON + timedelta(seconds=5))
    message(due_at=NOON + timedelta(seconds=10))
    message(due_at=NOON - timedelta(hours=1), done_at=NOON)

    assert backlog() == (2, 30.0)


# --- Failure -------------------------------------------------------------------------------------


def test_a_failure_keeps_the_kind_of_error_and_none_of_its_text(caplog: pytest.LogCaptureFixture) -> None:
    """T-canary: no secret in a row or a log line (reliability-security 4.7)."""
    outbox.register("probe", broken)
    row = message()

    assert not deliver(row.pk)

    row.refresh_from_db()
    assert (row.error, row.tries, row.lease_until, row.done_at) == ("Broken", 1, None, None)
    assert "Broken" in caplog.text
    assert CANARY not in caplog.text


def test_tries_follow_the_schedule_and_end_dead(clock: time_machine.Traveller) -> None:
    """Reliability-security 1.3: ten tries, +-20 %; R17."""
    outbox.register("probe", broken)
    row = message()
    waited = []

    for _ in DELAYS_SECONDS[1:]:
        assert not deliver(row.pk)
        row.refresh_from_db()
        assert row.dead_at is None
        waited.append((row.due_at - timezone.now()).total_seconds())
        clock.move_to(row.due_at - timedelta(milliseconds=1))
        assert deliver(row.pk) is False
        assert OutboxMessage.objects.get(pk=row.pk).tries == row.tries
        clock.move_to(row.due_at)
    assert not deliver(row.pk)

    row.refresh_from_db()
    assert (row.dead_at, row.tries, row.error) == (timezone.now(), 10, "Broken")
    for seconds, planned in zip(waited, DELAYS_SECONDS[1:], strict=True):
        assert planned * 0.8 <= seconds <= planned * 1.2
    assert waited != list(DELAYS_SECONDS[1:])
    clock.shift(timedelta(days=30))
    assert deliver_due() == 0


def test_an_unknown_kind_is_recorded_and_tried_again() -> None:
    row = message(kind="probe.nobody")

    assert not deliver(row.pk)

    row.refresh_from_db()
    assert row.error == "UnknownKind"
    assert row.due_at > timezone.now()


def test_a_dead_message_can_be_run_again(seen: list[dict[str, Any]]) -> None:
    dead = message(dead_at=timezone.now(), tries=10, error="Broken")
    done = message(done_at=timezone.now())

    assert run_again([dead.pk, done.pk]) == 1
    assert deliver_due() == 1

    dead.refresh_from_db()
    assert (dead.dead_at, dead.tries, dead.error, len(seen)) == (None, 1, "", 1)


# --- Leases --------------------------------------------------------------------------------------


def test_a_lost_worker_s_message_is_run_again_after_its_lease(
    clock: time_machine.Traveller, seen: list[dict[str, Any]]
) -> None:
    """Dependencies 4: the lease is re-run after expiry; R06, R16."""
    row = message()
    assert delivery._claim(row.pk) is not None  # and nothing was heard of this worker again

    assert not deliver(row.pk)
    clock.shift(timedelta(seconds=60))
    assert deliver(row.pk)

    assert len(seen) == 1


@pytest.mark.parametrize("zombie_fails", [False, True])
def test_a_zombie_records_nothing_over_its_successor(short_lease: float, zombie_fails: bool) -> None:
    """R07: fencing rejects whoever was stopped for longer than the lease."""
    asleep, wake_up = threading.Event(), threading.Event()
    calls: list[str] = []

    def handler(payload: dict[str, Any]) -> None:
        calls.append("called")
        if len(calls) == 1:
            asleep.set()
            wake_up.wait(60)
            if zombie_fails:
                raise Broken

    outbox.register("probe", handler)
    row = message()
    answers: list[bool] = []

    def be_a_zombie() -> None:
        try:
            answers.append(deliver(row.pk))
        finally:
            connections.close_all()

    zombie = threading.Thread(target=be_a_zombie)
    zombie.start()
    assert asleep.wait(60)
    time.sleep(short_lease + 0.2)
    assert deliver(row.pk)
    finished = OutboxMessage.objects.values().get()
    wake_up.set()
    zombie.join(60)

    assert answers == [False]
    assert len(calls) == 2
    assert OutboxMessage.objects.values().get() == finished


def test_a_message_that_kills_every_worker_ends_dead(
    clock: time_machine.Traveller, seen: list[dict[str, Any]]
) -> None:
    row = message()
    for _ in DELAYS_SECONDS:
        assert delivery._claim(row.pk) is not None
        clock.shift(timedelta(minutes=1))

    assert not deliver(row.pk)

    row.refresh_from_db()
    assert (row.dead_at, row.error, seen) == (timezone.now(), "LeaseLost", [])


def race(rows: int, threads: int) -> Counter[int]:
    """How often each of so many messages was handled when so many threads were at all of them."""
    handled: Counter[int] = Counter()
    counting = threading.Lock()

    def handler(payload: dict[str, Any]) -> None:
        with counting:
            handled[payload["n"]] += 1

    outbox.register("probe", handler)
    for n in range(rows):
        message(payload={"n": n})
    in_threads(threads, deliver_due)
    return handled


def test_racing_threads_handle_every_message_once() -> None:
    """Per-message exclusivity does not depend on who leads."""
    assert race(rows=20, threads=4) == Counter(dict.fromkeys(range(20), 1))
    assert not OutboxMessage.objects.filter(done_at=None).exists()


def test_without_the_conditional_claim_the_race_has_two_winners(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control of the race above (reliability-security 0.10)."""

    both_looked, first_two = threading.Barrier(2), iter(range(2))

    def look_then_write(message_id: str) -> OutboxMessage | None:
        found = delivery._due(timezone.now()).filter(pk=message_id).first()
        if next(first_two, None) is not None:
            both_looked.wait(60)
        if found is not None:
            found.lease_until = timezone.now() + timedelta(seconds=60)
            found.save(update_fields=["lease_until"])
        return found

    monkeypatch.setattr(delivery, "_claim", look_then_write)

    assert max(race(rows=20, threads=4).values()) > 1


# --- For Celery ----------------------------------------------------------------------------------


class Broker:
    """The publisher's broker: it says how much waits, or nothing, and takes what is sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, waiting: int | None) -> None:
        self.publisher = publishing.Publisher()
        self.waiting = waiting
        self.sent: list[str] = []
        self.asked = 0
        self.seconds = 0.0
        monkeypatch.setattr(self.publisher, "_waiting", self._told)
        monkeypatch.setattr(
            self.publisher, "_send", lambda task, argument, **options: self.sent.append(argument)
        )
        monkeypatch.setattr(publishing.time, "monotonic", lambda: self.seconds)

    def round(self, limit: int = 10, later: float = 0.1) -> list[str]:
        """What is sent in one round of the relay."""
        self.sent = []
        self.seconds += later
        for message_id in self.publisher.due(limit):
            self.publisher.deliver(message_id)
        return self.sent

    def _told(self, message_id: str) -> int:
        self.asked += 1
        if self.waiting is None:
            raise ConnectionError
        return self.waiting


@pytest.mark.requirement("R15")
@pytest.mark.parametrize("limit", [10, 3, 2])
def test_what_had_no_task_yet_is_published_before_what_had_one(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    broker = Broker(monkeypatch, waiting=0)
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    longer_ago = message(due_at=NOON - 3 * hour, published_until=NOON - 2 * minute).pk
    lately = message(due_at=NOON - 4 * hour, published_until=NOON - minute).pk
    message(due_at=NOON - 4 * hour, published_until=NOON + minute)
    younger, older = message(due_at=NOON).pk, message(due_at=NOON - hour).pk

    first, second, third = broker.round(limit), broker.round(limit), broker.round(limit)

    assert first[:2] == [older, younger]
    assert [*first, *second, *third] == [older, younger, longer_ago, lately]
    assert broker.asked == 1, "it is known for a second how much waits"


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    "waiting", [publishing.SHORT, None], ids=["a long queue", "a broker that does not say"]
)
def test_what_waits_is_published_again_once_its_task_has_expired(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch, waiting: int | None
) -> None:
    broker = Broker(monkeypatch, waiting)
    awaited = timedelta(seconds=(publishing.EXPIRY - 1) * conf().MESSAGE_LEASE_SECONDS / 2)
    expired = message(due_at=NOON - 2 * awaited, published_until=NOON - awaited).pk
    waits = message(due_at=NOON - 2 * awaited, published_until=NOON - awaited + timedelta(seconds=1)).pk
    fresh = message(due_at=NOON).pk

    assert broker.round() == [fresh, expired]
    for _ in range(5):
        assert broker.round(later=60) == []
    assert broker.asked == 6, "once it may have changed, it is asked again"

    broker.waiting = publishing.SHORT - 1
    assert broker.round(later=60) == [waits]


@pytest.mark.requirement("R15")
def test_a_message_whose_worker_died_is_not_in_the_queue_any_more(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the queue is, it is published as soon as its lease has run out, and once."""
    broker = Broker(monkeypatch, waiting=1000)
    row = message(due_at=NOON)
    assert broker.round() == [row.pk]
    lease = timedelta(seconds=conf().MESSAGE_LEASE_SECONDS)
    OutboxMessage.objects.filter(pk=row.pk).update(lease_until=NOON + lease + timedelta(seconds=5), tries=1)

    clock.move_to(NOON + lease)
    assert broker.round() == []
    clock.move_to(NOON + lease + timedelta(seconds=6))
    assert broker.round() == [row.pk]

    clock.move_to(NOON + 2 * lease)
    assert broker.round() == [], "its new task waits"


@pytest.mark.requirement("R15")
def test_where_a_task_goes_to_no_queue_that_can_be_asked_it_is_published_all_the_same(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A merchant's own routes may name an exchange alone."""
    publisher = publishing.Publisher()
    app = Celery("shop", set_as_current=False, broker="memory://")
    app.conf.task_routes = {"agentic.*": {"exchange": "shop", "routing_key": "agentic"}}
    monkeypatch.setattr(publisher, "_app", app)
    row = message(due_at=NOON, published_until=NOON)

    for _ in range(3):
        for message_id in publisher.due(10):
            publisher.deliver(message_id)
    assert OutboxMessage.objects.get(pk=row.pk).published_until == NOON

    clock.move_to(NOON + timedelta(seconds=publishing.EXPIRY * conf().MESSAGE_LEASE_SECONDS))
    for message_id in publisher.due(10):
        publisher.deliver(message_id)
    assert OutboxMessage.objects.get(pk=row.pk).published_until > NOON


# --- Purging -------------------------------------------------------------------------------------


def test_what_was_done_a_week_ago_is_purged_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "PURGE_BATCH", 2)
    now = timezone.now()
    old = now - timedelta(days=8)
    for _ in range(5):
        message(created_at=old, due_at=old, done_at=old)
    kept = {
        message(created_at=old, due_at=old, done_at=now - timedelta(days=6)).pk,
        message(created_at=old, due_at=old, dead_at=old).pk,
        message(created_at=old, due_at=old).pk,
    }

    assert purge() == 5
    assert purge() == 0

    assert set(OutboxMessage.objects.values_list("pk", flat=True)) == kept
