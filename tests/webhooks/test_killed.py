"""Relays that are killed again and again, and a receiver that fails: nothing is lost (R16)."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from django.db import transaction

from checkout import orders
from checkout.models import Order
from gateway.models import OutboxMessage, WebhookDelivery, WebhookEndpoint
from tests.agents import PlayedAgent
from tests.gateway.test_relay_process import database_url
from tests.webhooks.conftest import buy
from tests.webhooks.receiver import Receiver

ROOT = Path(__file__).resolve().parents[2]
ORDERS = 100
STATUSES = ("processing", "shipped", "completed", "canceled")


@contextmanager
def relays(receiver: Receiver, folder: Path) -> Iterator[Callable[[], None]]:
    """A relay works in a process of its own; what is yielded kills it hard and starts the next."""
    running: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        for process in running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        running.clear()

    def another() -> None:
        kill()
        environment = {
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "tests.webhooks.killed_settings",
            "DATABASE_URL": database_url(),
            "RECEIVER": f"127.0.0.1:{receiver.port}",
            "VAR_DIR": str(folder),
        }
        with (folder / "log").open("ab") as log:
            command = [sys.executable, "manage.py", "agentic_relay"]
            running.append(
                subprocess.Popen(
                    command, cwd=ROOT, env=environment, start_new_session=True, stdout=log, stderr=log
                )
            )

    another()
    try:
        yield another
    finally:
        kill()


@pytest.mark.services
@pytest.mark.server(database=True)
@pytest.mark.requirement("R16", "ACP-121")
def test_no_event_is_lost(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, tmp_path: Path
) -> None:
    """200 events, 30 % of the answers are 500, and each relay lives for a few seconds only."""
    dice = random.Random(16)
    receiver.says = lambda number: 500 if dice.random() < 0.3 else 200
    ids = [buy(agent)["id"] for _ in range(ORDERS)]
    for number, order_id in enumerate(ids):
        with transaction.atomic():
            orders.changed(order_id, status=STATUSES[number % len(STATUSES)])
    OutboxMessage.objects.filter(kind__in=("checkout.capture", orders.PLACE)).delete()
    began, kills = time.monotonic(), 0

    with relays(receiver, tmp_path) as another:
        while WebhookDelivery.objects.filter(delivered_at__isnull=False).count() < 2 * ORDERS:
            assert time.monotonic() - began < 240, (tmp_path / "log").read_text()[-4000:]
            time.sleep(4)
            if kills < 6:
                kills += 1
                another()

    assert kills >= 3
    assert all(heard.genuine for heard in receiver.heard)
    taken = Counter(heard.id for heard in receiver.taken)
    wanted = {f"evt_{order_id.removeprefix('ord_')}_{n}" for order_id in ids for n in (1, 2)}
    assert set(taken) == wanted
    assert len(receiver.heard) / len(wanted) <= 3
    for order_id in ids:
        told = [heard for heard in receiver.taken if heard.event["data"]["id"] == order_id]
        numbers = [int(heard.id.rpartition("_")[2]) for heard in told]
        assert numbers == sorted(numbers)
        assert told[-1].event["data"]["status"] == Order.objects.get(pk=order_id).status
    assert not WebhookDelivery.objects.filter(dead_at__isnull=False).exists()
