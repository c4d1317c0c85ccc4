"""Recording what a request sends to PostgreSQL, with its parameters and transactions."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from psycopg.types.json import Jsonb

from tests.agents import BUYER, PlayedAgent
from tests.benchmarks.routes import Route
from tests.benchmarks.tapes import Block, Parameter, Statement, Tape

IDENTIFIER = r"[a-z]+_[0-9a-f]{32}"


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement as the database got it; `returned` is the id an INSERT gave back."""

    sql: str
    params: tuple[Any, ...] | None
    rows: bool
    returned: int | None


def ready_session(agent: PlayedAgent) -> str:
    """The id of a new session that can be paid."""
    return str(agent.ready(buyer=BUYER)["id"])


def record(route: Route, agent: PlayedAgent) -> Tape:
    """The tape of one request that succeeded. The first request in a process should not be it."""
    from gateway.models import Agent

    session = ready_session(agent) if "{session}" in route.path else ""
    path = route.real_path().format(session=session)
    began = timezone.now()
    key = f"recorded-{uuid.uuid4().hex}"
    sent, response = listen(lambda: ask(agent.http, route, path, key))
    fixed = [str(pk) for pk in Agent.objects.values_list("pk", flat=True)]
    encoder = Encoder(began, key=key, session=session, fixed=fixed)
    return Tape(route.name, list(_blocks(sent, encoder)), response.status_code, response.json())


def ask(http: Client, route: Route, path: str, key: str) -> HttpResponse:
    """One request as the load generator sends it. Raises AssertionError when it is refused."""
    headers = route.headers()
    if route.method == "POST":
        headers["Idempotency-Key"] = key
    response = http.generic(
        route.method, path, route.raw, content_type=headers.pop("Content-Type", ""), headers=headers
    )
    assert response.status_code == route.status, response.content
    return response


def listen(act: Callable[[], HttpResponse]) -> tuple[list[Sent | str], HttpResponse]:
    """What `act` sent, with "BEGIN", "COMMIT" and "ROLLBACK" where they were, and what it gave."""
    heard: list[Sent] = []

    def hear(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        assert not many, "executemany cannot be replayed"
        result = execute(sql, params, many, context)
        cursor, returned = context["cursor"], None
        if sql.startswith("INSERT") and cursor.description:
            returned = cursor.fetchone()[0]
            cursor.cursor.scroll(0, mode="absolute")
        heard.append(Sent(sql, None if params is None else tuple(params), bool(cursor.description), returned))
        return result

    with CaptureQueriesContext(connection) as logged, connection.execute_wrapper(hear):
        response = act()
    # Django logs transactions and statements in order, but no parameters; so both lists are read.
    statements = iter(heard)
    sent = [
        entry["sql"] if entry["sql"] in {"BEGIN", "COMMIT", "ROLLBACK"} else next(statements)
        for entry in logged.captured_queries
    ]
    assert next(statements, None) is None
    return sent, response


def _blocks(sent: list[Sent | str], encoder: Encoder) -> Iterator[Block]:
    statements: list[Statement] = []
    for entry in sent:
        if isinstance(entry, Sent):
            statements.append(encoder.statement(entry))
            continue
        assert entry != "ROLLBACK", "a rolled back transaction cannot be replayed"
        if statements:
            yield Block(entry == "COMMIT", statements)
        statements = []
    if statements:
        yield Block(False, statements)


class Encoder:
    """Tells apart what is the same in every request from what each makes anew."""

    def __init__(self, began: datetime, *, key: str, session: str, fixed: list[str]) -> None:
        self._began = began
        self._slots: dict[str, str] = {key: "key", **({session: "session"} if session else {})}
        self._fixed = set(fixed)
        self._count = 0

    def statement(self, sent: Sent) -> Statement:
        params = None if sent.params is None else [self._parameter(value) for value in sent.params]
        if sent.returned is not None:
            self._slots[str(sent.returned)] = f"returned:{self._count}"
        self._count += 1
        return Statement(sent.sql, params, sent.rows)

    def _parameter(self, value: Any) -> Parameter:
        match value:
            case None | bool():
                return ["value", value]
            case str():
                return self._text(value)
            case int():
                slot = self._slots.get(str(value))
                return ["number", slot] if slot else ["value", value]
            case datetime():
                return ["time", (value - self._began).total_seconds()]
            case list():
                return ["list", [self._parameter(entry) for entry in value]]
            case Jsonb():
                return ["json", value.obj]
        raise TypeError(f"a parameter of type {type(value).__name__} cannot be recorded")

    def _text(self, text: str) -> Parameter:
        known = "|".join(re.escape(entry) for entry in sorted(self._slots, key=len, reverse=True))
        pieces: list[Any] = []
        for piece in re.split(f"({known}|{IDENTIFIER})", text):
            if piece not in self._slots and re.fullmatch(IDENTIFIER, piece) and piece not in self._fixed:
                self._slots[piece] = f"new:{piece.partition('_')[0]}:{len(self._slots)}"
            pieces.append({"slot": self._slots[piece]} if piece in self._slots else piece)
        pieces = [piece for piece in pieces if piece]
        if all(isinstance(piece, str) for piece in pieces):
            return ["value", text]
        return ["text", pieces]


def tell_numbers_apart() -> None:
    """From now on no two tables of ours give the same id, and none a number that is anything else.

    A number in a later statement can then be told to be the id that an earlier one returned.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass,"
            " greatest(coalesce(last_value, 0) + 1,"
            " (1000 + row_number() OVER (ORDER BY sequencename)) * 1000000000))"
            " FROM pg_sequences WHERE sequencename LIKE 'agentic%' AND data_type = 'bigint'::regtype"
        )
