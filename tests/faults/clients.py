"""Agents that send to real servers, many at once, and write down what they saw."""

from __future__ import annotations

import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from typing import Any, TypeVar

from tests.agents import ADDRESS, BASE, MINIMAL, VERSION, paying
from tests.faults.history import History, Seen

Result = TypeVar("Result")

PATIENCE_SECONDS = 60.0
"""For one answer; nothing here is judged by how long it took."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is 0 when none came."""

    status: int
    body: bytes
    headers: dict[str, str]

    def json(self) -> dict[str, Any]:
        """Raises ValueError for a body that is no JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def code(self) -> str:
        try:
            return str(self.json().get("code", ""))
        except ValueError:
            return ""

    @property
    def retry_after(self) -> int:
        """Seconds, or 0 when it does not say."""
        given = self.headers.get("retry-after", "")
        return int(given) if given.isdecimal() else 0


class Client:
    """Sends to `origins` (host, port) in turn, each request on a connection of its own."""

    def __init__(
        self, origins: Sequence[tuple[str, int]], history: History, *, agent: str = "demo-agent-key"
    ):
        self._turn = cycle(origins)
        self._lock = threading.Lock()
        self._history = history
        self._agent = agent

    def post(
        self,
        path: str,
        body: Any = None,
        *,
        key: str = "",
        raw: bytes | None = None,
        verb: str = "",
        to: tuple[str, int] | None = None,
        on: http.client.HTTPConnection | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> Answer:
        """The answer, or one with status 0. A fresh key unless one is given."""
        content = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        headers = {"Idempotency-Key": key or uuid.uuid4().hex, "Content-Type": "application/json"}
        return self._ask("POST", path, content, headers, verb or "post", to, on, patience)

    def get(self, path: str, *, verb: str = "retrieve") -> Answer:
        return self._ask("GET", path, b"", {}, verb, None, None, PATIENCE_SECONDS)

    def create(self, *items: str, key: str = "", **members: Any) -> Answer:
        lines: list[dict[str, Any]] = [{"id": item} for item in items or ("item_mug",)]
        body = {**MINIMAL, "line_items": lines, "fulfillment_details": {"address": ADDRESS}, **members}
        return self.post("/checkout_sessions", body, key=key, verb="create")

    def ready(self, *items: str, **members: Any) -> dict[str, Any]:
        """A session that can be paid. Raises AssertionError."""
        answer = self.create(*items, **members)
        assert answer.status == 201, (answer.status, answer.body)
        session = answer.json()
        assert session["status"] == "ready_for_payment", session["messages"]
        return session

    def complete(self, session: str, *, key: str = "", body: Any = None, **options: Any) -> Answer:
        path = f"/checkout_sessions/{session}/complete"
        return self.post(path, body or paying(), key=key, verb="complete", **options)

    def cancel(self, session: str, *, key: str = "", **options: Any) -> Answer:
        return self.post(f"/checkout_sessions/{session}/cancel", key=key, verb="cancel", **options)

    def update(self, session: str, body: Any, *, key: str = "", **options: Any) -> Answer:
        return self.post(f"/checkout_sessions/{session}", body, key=key, verb="update", **options)

    def retrieve(self, session: str) -> Answer:
        return self.get(f"/checkout_sessions/{session}")

    def patiently(self, session: str, *, key: str, until: float, body: Any = None, **options: Any) -> Answer:
        """Complete again with the same key until there is a definite answer, or monotonic time `until`."""
        while True:
            answer = self.complete(session, key=key, body=body, **options)
            if answer.status and answer.status < 500 and answer.status != 409:
                return answer
            if time.monotonic() > until:
                return answer
            time.sleep(min(max(answer.retry_after, 0.1), 0.5))

    def _ask(
        self,
        method: str,
        path: str,
        content: bytes,
        headers: dict[str, str],
        verb: str,
        to: tuple[str, int] | None,
        on: http.client.HTTPConnection | None,
        patience: float,
    ) -> Answer:
        if to is None:
            with self._lock:
                to = next(self._turn)
        key = headers.get("Idempotency-Key", "")
        headers = {"Authorization": f"Bearer {self._agent}", "API-Version": VERSION, **headers}
        op = self._history.invoke(verb, path, key)
        sent_at, began = time.time(), time.monotonic()
        connection = on or http.client.HTTPConnection(*to, timeout=patience)
        if connection.sock is not None:
            connection.sock.settimeout(patience)
        try:
            connection.request(method, BASE + path, content or None, headers)
            reply = connection.getresponse()
            named = {name.lower(): value for name, value in reply.getheaders()}
            answer = Answer(reply.status, reply.read(), named)
        except (OSError, http.client.HTTPException):
            answer = Answer(0, b"", {})
        finally:
            if on is None:
                connection.close()
        self._history.end(
            Seen(
                op=op,
                verb=verb,
                path=path,
                key=key,
                status=answer.status,
                body=answer.body.decode(errors="replace"),
                replayed=answer.headers.get("idempotent-replayed") == "true",
                sent_at=sent_at,
                ended_at=time.time(),
                seconds=time.monotonic() - began,
            )
        )
        return answer


def together(count: int, act: Callable[[int], Result], *, at_once: int = 50) -> list[Result]:
    """`act(0)` to `act(count - 1)` by `at_once` threads that begin at the same moment; in order."""
    from django.db import connections

    threads = min(count, at_once)
    gate = threading.Barrier(threads)
    begun = threading.local()

    def one(number: int) -> Result:
        if not getattr(begun, "yes", False):
            begun.yes = True
            gate.wait(60)
        try:
            return act(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(count)))
