from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings


class ProbeConfig(AppConfig):
    name = "tests.gateway.relay_probe"
    label = "agentic_relay_probe"

    def ready(self) -> None:
        from gateway import outbox

        outbox.register("probe", effect)
        if settings.REDIS_URL:
            use_own_queue(os.environ["PROBE_QUEUE"])


def effect(payload: dict[str, Any]) -> None:
    """The trace has a line when it starts and one when it ends."""
    trace("start", payload["name"])
    time.sleep(float(os.environ["PROBE_SECONDS"]))
    trace("end", payload["name"])


def trace(what: str, name: str) -> None:
    with Path(os.environ["PROBE_TRACE"]).open("a") as file:
        file.write(f"{what} {name} {os.getpid()}\n")


def use_own_queue(queue: str) -> None:
    """Tests that run side by side on one Redis do not take each other's tasks."""
    from gateway.project.celery import app

    app.conf.task_default_queue = queue
    app.conf.broker_transport_options = {
        **app.conf.broker_transport_options,
        "unacked_key": f"{queue}.unacked",
        "unacked_index_key": f"{queue}.unacked_index",
        "unacked_mutex_key": f"{queue}.unacked_mutex",
    }
