"""Sending the statements of a tape again, each time with ids of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from interventions.identifiers import new
from tests.benchmarks import tapes
from tests.benchmarks.tapes import Parameter, Statement, Tape

TAPES = "AGENTIC_BENCH_TAPES"
"""The variable that names the file with the tapes."""

Slots = dict[str, Any]
Maker = Callable[[Slots], Any]


class Play:
    """A tape made ready: what never changes is prepared once."""

    def __init__(self, tape: Tape) -> None:
        self.status = tape.status
        self.answer = tape.answer
        self._blocks = []
        number = 0
        for block in tape.blocks:
            steps = []
            for statement in block.statements:
                steps.append(_Step(statement, f"returned:{number}"))
                number += 1
            self._blocks.append((block.atomic, steps))

    def run(self, *, session: str, key: str) -> None:
        """Every statement was sent, in its transaction, and every row fetched."""
        slots: Slots = {"session": session, "key": key, "now": timezone.now()}
        for atomic, steps in self._blocks:
            if atomic:
                with transaction.atomic():
                    _send(steps, slots)
            else:
                _send(steps, slots)


class _Step:
    __slots__ = ("fixed", "makers", "rows", "slot", "sql")

    def __init__(self, statement: Statement, slot: str) -> None:
        self.sql = statement.sql
        self.rows = statement.rows
        self.slot = slot
        self.makers: list[Maker] | None = None
        self.fixed: list[Any] | None = None
        params = statement.params
        if params is None:
            return
        if all(param[0] in ("value", "json") for param in params):
            self.fixed = [_constant(param) for param in params]
        else:
            self.makers = [_maker(param) for param in params]


def _send(steps: list[_Step], slots: Slots) -> None:
    with connection.cursor() as cursor:
        for step in steps:
            params = step.fixed if step.makers is None else [make(slots) for make in step.makers]
            cursor.execute(step.sql, params)
            # Not `cursor.description`, which psycopg makes anew for every column.
            if step.rows and (rows := cursor.fetchall()):
                slots[step.slot] = rows[0][0]


def _constant(param: Parameter) -> Any:
    return Jsonb(param[1]) if param[0] == "json" else param[1]


def _maker(param: Parameter) -> Maker:
    kind, value = param
    match kind:
        case "time":
            later = timedelta(seconds=value)
            return lambda slots: slots["now"] + later
        case "number":
            return lambda slots: slots[value]
        case "text":
            return _text_maker(value)
        case "list":
            makers = [_maker(entry) for entry in value]
            return lambda slots: [make(slots) for make in makers]
    constant = _constant(param)
    return lambda slots: constant


def _text_maker(pieces: list[Any]) -> Maker:
    parts = [piece if isinstance(piece, str) else _slot_maker(piece["slot"]) for piece in pieces]
    if len(parts) == 1 and not isinstance(parts[0], str):
        return parts[0]
    return lambda slots: "".join(part if isinstance(part, str) else str(part(slots)) for part in parts)


def _slot_maker(name: str) -> Maker:
    if not name.startswith("new:"):
        return lambda slots: slots[name]
    prefix = name.split(":")[1]

    def made(slots: Slots) -> str:
        found = slots.get(name)
        if found is None:
            found = slots[name] = new(prefix)
        return found

    return made


@lru_cache(maxsize=1)
def plays() -> dict[str, Play]:
    """Every tape of the file that the variable names, made ready."""
    return {name: Play(tape) for name, tape in tapes.load(Path(os.environ[TAPES])).items()}
