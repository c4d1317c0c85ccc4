"""`healthz`: the process answers. `readyz`: everything it needs answers too (decision 5)."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse
from rest_framework.request import Request

from gateway import relay, strict_json
from gateway.acp import refusals
from gateway.api import ProtocolView, json_response
from gateway.conf import conf
from gateway.models import OutboxMessage
from gateway.openapi import service
from interventions import failures
from interventions.ports import ports
from schemas import facade

STALE_RELAY_SECONDS = 15.0
STALE_MESSAGE_SECONDS = 60.0


class Healthz(ProtocolView):
    dialect = refusals

    @service.healthz
    def get(self, request: Request) -> HttpResponse:
        return json_response(200, strict_json.dumps({"status": "ok", "process": os.getpid()}))


class Readyz(ProtocolView):
    """200 when every part is ready, else 503; each part by name, without detail that helps an attacker.

    `given_up` counts effects that no relay tries any more. They wait for an operator, and other
    processes could not deliver them either, so they take no process out of service. Nor do the failures
    of those who have people confirm: `degraded` counts them by type, over the last hour.
    """

    dialect = refusals

    @service.readyz
    def get(self, request: Request) -> HttpResponse:
        parts = {name: _judged(check) for name, check in CHECKS.items()}
        ready = all(verdict == "ok" for verdict in parts.values())
        body: dict[str, Any] = {
            "status": "ok" if ready else "not_ready",
            "process": os.getpid(),
            "parts": parts,
        }
        with suppress(DatabaseError):
            body["given_up"] = _given_up()
            body["degraded"] = _degraded()
        return json_response(
            200 if ready else 503, strict_json.dumps(body), {} if ready else {"Retry-After": "2"}
        )


def _judged(check: Callable[[], str]) -> str:
    try:
        return check()
    except DatabaseError:
        return "no answer"


def _given_up() -> int:
    return OutboxMessage.objects.filter(dead_at__isnull=False).count()


def _degraded() -> dict[str, int]:
    return {kind: found.count for kind, found in failures.recent(ports().providers).items()}


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


_migrated = False


def _migrations() -> str:
    """Asked until it is true: a running process cannot become unmigrated by itself."""
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return "ok" if _migrated else "not migrated"


def _relay() -> str:
    if conf().RELAY != "off":
        age = relay.heartbeat_age()
        if age is None or age > STALE_RELAY_SECONDS:
            return "no heartbeat"
    _, oldest = relay.backlog()
    return "late" if oldest > STALE_MESSAGE_SECONDS else "ok"


@lru_cache(maxsize=1)
def _schemas() -> str:
    facade.self_check()
    return "ok"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "relay": _relay,
    "schemas": _schemas,
}
