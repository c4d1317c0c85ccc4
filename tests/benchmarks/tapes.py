"""A tape: what one request of a route sent to the database, ready to be sent again and again.

A parameter is kept as one of

    ["value", v]        the same each time
    ["json", v]         the same JSON each time
    ["time", seconds]   so long after the request began
    ["text", pieces]    text; a piece is text or {"slot": name}
    ["number", name]    a number that is in a slot
    ["list", entries]   a list of such

and a slot holds what differs between two requests: `key` and `session` of the request,
`new:<prefix>:<n>` an id made while it ran, `returned:<n>` what its n-th statement returned.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Parameter = list[Any]


@dataclass(frozen=True, slots=True)
class Statement:
    sql: str
    params: list[Parameter] | None
    rows: bool
    """It answers with rows, which are to be fetched."""


@dataclass(frozen=True, slots=True)
class Block:
    """Statements of one transaction, or some outside of any."""

    atomic: bool
    statements: list[Statement]


@dataclass(frozen=True, slots=True)
class Tape:
    route: str
    blocks: list[Block]
    status: int
    answer: dict[str, Any]

    def shapes(self) -> list[str]:
        """The statements without their values, transactions included: what must stay the same."""
        found = []
        for block in self.blocks:
            inner = [shape(statement.sql) for statement in block.statements]
            found += ["BEGIN", *inner, "COMMIT"] if block.atomic else inner
        return found

    def counted(self) -> int:
        """How many statements count against the budget."""
        return sum(
            not entry.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")) for entry in self.shapes()
        )


_SAVEPOINT_NAME = re.compile(r'"s\d+_x\d+"')
_SEVERAL = re.compile(r"\(%s(?:, %s)+\)")


def shape(sql: str) -> str:
    """`sql` with savepoints and lists of values of any length looking the same."""
    return _SEVERAL.sub("(%s, ...)", _SAVEPOINT_NAME.sub('"savepoint"', " ".join(sql.split())))


def save(tapes: list[Tape], path: Path) -> None:
    path.write_text(json.dumps([asdict(tape) for tape in tapes]))


def load(path: Path) -> dict[str, Tape]:
    found = {}
    for entry in json.loads(path.read_text()):
        blocks = [
            Block(block["atomic"], [Statement(**statement) for statement in block["statements"]])
            for block in entry["blocks"]
        ]
        found[entry["route"]] = Tape(entry["route"], blocks, entry["status"], entry["answer"])
    return found
