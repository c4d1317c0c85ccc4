"""Real processes, killed in the middle: nothing is lost (R06, R15, R16; issue "Done when")."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from django.conf import settings
from django.db import connection, transaction

from gateway import publishing
from gateway.models import OutboxMessage
from gateway.outbox import DatabaseOutbox
from tests.gateway.broker_proxy import BrokerProxy

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
MANAGE = [sys.executable, "manage.py"]
WORKER = [sys.executable, "-m", "celery", "-A", "gateway.project", "worker", "-c", "1", "-l", "WARNING"]
START_SECONDS = 60.0
"""A process of ours has started and done something; generous, for a busy machine."""


class Processes:
    """Starts our commands on the test's database, with a slow effect, and kills them."""

    def __init__(self, folder: Path, redis_url: str = "") -> None:
        self.queue = f"agentic-test-{uuid.uuid4().hex}"
        self._folder = folder
        self._trace = folder / "trace"
        self._redis_url = redis_url
        self._started: list[subprocess.Popen[bytes]] = []
        self._killed: list[subprocess.Popen[bytes]] = []

    def start(self, command: list[str], *, effect_seconds: float = 0.0) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "tests.gateway.relay_settings",
            "DATABASE_URL": database_url(),
            "REDIS_URL": self._redis_url,
            "VAR_DIR": str(self._folder),
            "PROBE_TRACE": str(self._trace),
            "PROBE_SECONDS": str(effect_seconds),
            "PROBE_QUEUE": self.queue,
        }
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
            stdout=(self._folder / f"log-{len(self._started)}").open("wb"),
            stderr=subprocess.STDOUT,
        )
        self._started.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL for the process and its children."""
        self._killed.append(process)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def kill_all(self) -> None:
        for process in self._started:
            self.kill(process)

    def trace(self, what: str) -> list[str]:
        """Names of the effects that have got so far, in order."""
        lines = self._trace.read_text().splitlines() if self._trace.exists() else []
        return [line.split()[1] for line in lines if line.startswith(what)]

    def eventually(self, true: Callable[[], object], seconds: float = START_SECONDS) -> None:
        """`true` became true in time, or the test fails and shows what the processes said."""
        deadline = time.monotonic() + seconds
        while not true():
            crashed = any(process.poll() for process in self._started if process not in self._killed)
            if crashed or time.monotonic() > deadline:
                logs = "\n".join(path.read_text()[-4000:] for path in sorted(self._folder.glob("log-*")))
                pytest.fail(f"waited in vain; the processes said:\n{logs}")
            time.sleep(0.05)


def database_url() -> str:
    """The test database, for another process."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user = quote(database["USER"], safe="")
    password = f":{quote(database['PASSWORD'], safe='')}" if database["PASSWORD"] else ""
    return f"postgres://{user}{password}@{database['HOST']}:{database['PORT'] or 5432}/{database['NAME']}"


def add(*names: str) -> None:
    with transaction.atomic():
        for name in names:
            DatabaseOutbox().add("probe", {"name": name})


def unfinished() -> int:
    return OutboxMessage.objects.filter(done_at=None).count()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path)
    yield started
    started.kill_all()


@pytest.fixture
def broker() -> Iterator[BrokerProxy]:
    parts = urlsplit(settings.REDIS_URL)
    with BrokerProxy((parts.hostname or "127.0.0.1", parts.port or 6379)) as proxy:
        yield proxy


@pytest.fixture
def celery_processes(tmp_path: Path, broker: BrokerProxy) -> Iterator[Processes]:
    """Processes that reach Redis through the proxy; their keys are removed afterwards."""
    import redis

    parts = urlsplit(settings.REDIS_URL)
    login = parts.netloc.rpartition("@")[0]
    url = parts._replace(netloc=f"{login}{'@' if login else ''}127.0.0.1:{broker.port}").geturl()
    started = Processes(tmp_path, redis_url=url)
    yield started
    started.kill_all()
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        suffixes = ("", ".unacked", ".unacked_index", ".unacked_mutex")
        bindings = (f"_kombu.{kind}.{started.queue}" for kind in ("binding", "binding_permanent"))
        client.delete(*bindings, *(started.queue + suffix for suffix in suffixes))


# --- The relay executes --------------------------------------------------------------------------


def test_a_relay_killed_in_the_middle_loses_nothing(processes: Processes) -> None:
    """SIGKILL while an effect runs: after its lease another relay runs it again."""
    add("a")
    killed = processes.start([*MANAGE, "agentic_relay"], effect_seconds=60)
    processes.eventually(lambda: processes.trace("start") == ["a"])
    processes.kill(killed)
    add("b")
    assert unfinished() == 2

    processes.start([*MANAGE, "agentic_relay"])
    processes.eventually(lambda: unfinished() == 0)

    assert sorted(processes.trace("end")) == ["a", "b"]
    assert OutboxMessage.objects.get(payload__name="a").tries == 2


def test_two_relays_share_the_work_without_repeating_it(processes: Processes) -> None:
    names = [f"n{n}" for n in range(30)]
    for _ in range(2):
        processes.start([*MANAGE, "agentic_relay"])
    add(*names)

    processes.eventually(lambda: unfinished() == 0)

    assert sorted(processes.trace("start")) == sorted(names)


def test_sigterm_ends_the_relay_after_its_message(processes: Processes) -> None:
    add("a")
    relay = processes.start([*MANAGE, "agentic_relay"], effect_seconds=1)
    processes.eventually(lambda: processes.trace("start") == ["a"])

    relay.send_signal(signal.SIGTERM)

    assert relay.wait(START_SECONDS) == 0
    assert processes.trace("end") == ["a"]
    assert unfinished() == 0


def test_once_tries_what_is_due_and_ends(processes: Processes) -> None:
    add("a", "b")

    assert processes.start([*MANAGE, "agentic_relay", "--once"]).wait(START_SECONDS) == 0

    assert sorted(processes.trace("end")) == ["a", "b"]


# --- Celery executes -----------------------------------------------------------------------------


@pytest.mark.services
def test_a_celery_worker_killed_in_the_middle_loses_nothing(celery_processes: Processes) -> None:
    """Dependencies 4: Redis alone would give the task back after its visibility timeout."""
    add("a")
    celery_processes.start([*MANAGE, "agentic_relay", "--celery"])
    killed = celery_processes.start(WORKER, effect_seconds=60)
    celery_processes.eventually(lambda: celery_processes.trace("start") == ["a"])
    celery_processes.kill(killed)

    celery_processes.start(WORKER)
    celery_processes.eventually(lambda: unfinished() == 0)

    assert celery_processes.trace("end") == ["a"]
    assert OutboxMessage.objects.get().tries == 2


@pytest.mark.services
@pytest.mark.requirement("R15")
@pytest.mark.parametrize("fault", ["down", "silent"])
def test_a_broken_broker_delays_and_loses_nothing(
    celery_processes: Processes, broker: BrokerProxy, fault: str
) -> None:
    """R15: effects go on being accepted, and the backlog drains when the broker is back."""
    celery_processes.start([*MANAGE, "agentic_relay", "--celery"])
    celery_processes.start(WORKER)
    add("before")
    celery_processes.eventually(lambda: unfinished() == 0)

    getattr(broker, fault)()
    names = [f"n{n}" for n in range(20)]
    for name in names:
        add(name)
    time.sleep(3)
    broken_for_real = unfinished() > 0
    broker.up()
    celery_processes.eventually(lambda: unfinished() == 0, 60)

    assert broken_for_real
    assert set(celery_processes.trace("end")) == {"before", *names}


@pytest.mark.services
@pytest.mark.requirement("R15")
def test_tasks_that_wait_are_not_published_again(celery_processes: Processes) -> None:
    """R15: with nobody to take them, copies of tasks would stand before all that comes later."""
    import redis

    names = [f"n{n}" for n in range(publishing.SHORT + 10)]
    add(*names)
    celery_processes.start([*MANAGE, "agentic_relay", "--celery"])
    with redis.Redis.from_url(settings.REDIS_URL) as client:

        def tasks() -> int:
            waiting = client.lrange(celery_processes.queue, 0, -1)
            return sum(b"agentic.outbox.deliver" in task for task in waiting)

        celery_processes.eventually(lambda: tasks() >= len(names))
        time.sleep(4)  # each is taken for lost after one second

        assert tasks() == len(names)


@pytest.mark.services
@pytest.mark.requirement("R15")
def test_a_task_that_the_broker_lost_is_published_again(celery_processes: Processes) -> None:
    """R15: broker data wiped loses nothing."""
    import redis

    add("a")
    celery_processes.start([*MANAGE, "agentic_relay", "--celery"])
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        celery_processes.eventually(lambda: client.llen(celery_processes.queue))
        client.delete(celery_processes.queue)

    celery_processes.start(WORKER)
    celery_processes.eventually(lambda: unfinished() == 0)

    assert celery_processes.trace("end") == ["a"]
