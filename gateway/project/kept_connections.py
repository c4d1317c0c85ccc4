"""A worker keeps its database connection from task to task, as long as Django's own rules let it.

Left alone, Celery closes it before and after each task, and opening one takes longer than most tasks do: a
backlog then never drains (R15). `CELERY_DB_REUSE_MAX` stops that; what a web request does with old and broken
connections is done for tasks here.
"""

from __future__ import annotations

from typing import Any

from celery.signals import task_postrun, task_prerun
from django.db import close_old_connections, connections
from kombu.utils.compat import detect_environment

TASKS = 1000
"""Then it is closed in any case."""


def _before(sender: Any = None, **told: Any) -> None:
    if not sender.request.is_eager:  # whoever calls a task has a connection, and perhaps a transaction
        close_old_connections()


def _after(sender: Any = None, **told: Any) -> None:
    if not sender.request.is_eager and detect_environment() != "default":
        connections.close_all()  # each task has a green thread of its own, and nobody comes back to it


def keep() -> None:
    """Tasks of this process do so from now on. Repeatable."""
    task_prerun.connect(_before, dispatch_uid="agentic.kept_connections.before")
    task_postrun.connect(_after, dispatch_uid="agentic.kept_connections.after")
