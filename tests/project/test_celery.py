"""The Celery application (reliability-security 4.2)."""

from __future__ import annotations

import socket
import time
from types import SimpleNamespace

import pytest
from celery import Celery
from celery.fixups.django import DjangoWorkerFixup
from celery.signals import task_postrun, task_prerun
from django.db import connection, transaction
from kombu.exceptions import OperationalError
from kombu.transport import redis

from gateway.project import kept_connections
from gateway.project.celery import app
from gateway.tasks import deliver_message


def test_tasks_are_json_acknowledged_late_and_taken_one_by_one() -> None:
    """Reliability-security 4.2."""
    conf = app.conf

    assert app.main == "agentic"
    assert (conf.task_serializer, conf.accept_content) == ("json", ["json"])
    assert conf.task_acks_late is True
    assert conf.task_reject_on_worker_lost is True
    assert conf.worker_prefetch_multiplier == 1
    assert conf.task_ignore_result is True
    assert (conf.task_soft_time_limit, conf.task_time_limit) == (30, 50)
    assert conf.broker_transport_options["visibility_timeout"] > conf.task_time_limit


def test_the_gateways_tasks_are_registered_under_the_projects_prefix() -> None:
    """Architecture: task names start with agentic."""
    app.loader.import_default_modules()

    ours = {name for name in app.tasks if not name.startswith("celery.")}

    assert "agentic.outbox.deliver" in ours
    assert [name for name in ours if not name.startswith("agentic.")] == []


@pytest.mark.parametrize("listening", [True, False], ids=["silent", "refusing"])
def test_a_broken_broker_holds_nobody_for_long(listening: bool) -> None:
    """Reliability-security 4.2: with Redis defaults a silent broker blocked for 25 s and more."""
    with socket.create_server(("127.0.0.1", 0)) as broker:
        port = broker.getsockname()[1]
        if not listening:
            broker.close()
        probe = Celery("agentic-probe", set_as_current=False)
        probe.conf.update(app.conf.changes, broker_url=f"redis://127.0.0.1:{port}/0")
        began = time.monotonic()

        with pytest.raises(OperationalError):
            probe.send_task("agentic.outbox.deliver", ("msg_1",), retry=False)

        assert time.monotonic() - began < 15


@pytest.mark.requirement("R15")
def test_a_broker_that_is_back_is_found_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kombu's pauses grow to half a minute; the backlog has a minute to drain (R15)."""
    with socket.create_server(("127.0.0.1", 0)) as broker:
        port = broker.getsockname()[1]
    monkeypatch.setattr("kombu.utils.functional.sleep", lambda seconds: None)
    pauses: list[float] = []
    connection = app.connection_for_read(f"redis://127.0.0.1:{port}/0")

    with pytest.raises(OperationalError):
        connection.ensure_connection(lambda problem, pause: pauses.append(pause), 12)

    assert len(pauses) >= 10
    assert max(pauses) <= 5


class Silent:
    """A channel whose broker does not answer."""

    do_restore = False

    def conn_or_acquire(self, client: object = None) -> object:
        raise TimeoutError


@pytest.mark.requirement("R15")
@pytest.mark.parametrize("verb", ["ack", "reject"])
def test_a_task_that_cannot_be_acknowledged_is_over_all_the_same(verb: str) -> None:
    """Otherwise a worker that met a silent broker once takes no task any more."""
    chosen = redis.Channel.QoS
    counting = chosen(Silent(), prefetch_count=1)
    counting._quick_append("tag", "message")
    assert not counting.can_consume()

    with pytest.raises(TimeoutError):
        getattr(counting, verb)("tag")

    assert counting.can_consume()


def test_kombus_own_counting_would_stop_the_worker() -> None:
    """The negative control; when it fails, `gateway.project.broker` is needed no more."""
    counting = redis.QoS(Silent(), prefetch_count=1)
    counting._quick_append("tag", "message")

    with pytest.raises(TimeoutError):
        counting.ack("tag")

    assert not counting.can_consume()


class Running:
    """A task, as far as signals tell of it."""

    def __init__(self, *, is_eager: bool = False) -> None:
        self.request = SimpleNamespace(is_eager=is_eager)


@pytest.mark.requirement("R15")
def test_a_worker_keeps_its_database_connection() -> None:
    """Celery would open one for each task, which costs more than the task: a backlog never drains."""
    assert DjangoWorkerFixup(app).db_reuse_max > 100


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_a_task_has_a_new_connection_where_the_database_has_ended_the_kept_one() -> None:
    """PostgreSQL alone ends connections."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (kept,) = cursor.fetchone()
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", (kept,))
    finally:
        other.close()

    task_prerun.send(sender=Running())
    deliver_message("msg_unknown")

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() != (kept,)


@pytest.mark.django_db(transaction=True)
def test_whoever_runs_a_task_here_and_now_keeps_connection_and_transaction() -> None:
    """Celery's eager tasks, inside a transaction of their caller's."""
    with transaction.atomic():
        task_prerun.send(sender=Running(is_eager=True))

        assert not connection.needs_rollback


def test_a_green_thread_leaves_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody comes back to it: each task has one of its own."""
    closed = []
    monkeypatch.setattr(kept_connections.connections, "close_all", lambda: closed.append(1))
    task_postrun.send(sender=Running())
    assert not closed

    monkeypatch.setattr(kept_connections, "detect_environment", lambda: "gevent")
    task_postrun.send(sender=Running())
    assert closed
