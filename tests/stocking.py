"""How a test gets the demo shop's rows and its two agents, quickly.

Every second test begins with `demo.load()` and `agents.load_demo()`, and the seventy products cost more than
most of the tests. What is written is the same each time: here it is made once in a process, and copied
afterwards, with the time of the copy. `tests/shop/test_demo.py` asks what is copied.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from gateway import agents
from gateway.conf import conf
from gateway.models import Agent, AgentKey
from gateway.shop import demo, tables
from gateway.shop.models import DeliveryOption, PickupPlace, Product, TaxRate
from interventions import policy, question_rules
from interventions.models import ClarificationRule, Policy

Row = dict[str, Any]
Rows = dict[type[models.Model], list[Row]]


@dataclass
class Copied:
    """What `really` writes into `kinds`, each after what it refers to."""

    really: Callable[[], Any]
    kinds: tuple[type[models.Model], ...]
    kept: dict[Any, tuple[Any, Rows]] = field(default_factory=dict)
    """What it said and what it wrote, under each set of keys that rows are hashed with."""

    def __call__(self, change: Callable[[Rows], None] = lambda rows: None) -> Any:
        """As `really`, which is asked itself when it was not before, and where a row is there already."""
        hashed = tuple(map(str, conf().HASH_KEYS))
        if _any(self.kinds):
            return self.really()
        if hashed not in self.kept:
            said = self.really()
            self.kept[hashed] = said, {kind: _read(kind) for kind in self.kinds}
            return said
        said, rows = self.kept[hashed]
        change(rows)
        with transaction.atomic():
            for kind, found in rows.items():
                _write(kind, found)
        return said


SHOP = Copied(demo.load, (Product, PickupPlace, DeliveryOption, TaxRate, Policy, ClarificationRule))
AGENTS = Copied(agents.load_demo, (Agent, AgentKey))


def install() -> None:
    """From now on both are copies."""
    demo.load = load
    agents.load_demo = load_agents


def load() -> dict[str, int]:
    """The demo shop's rows exist, and nobody remembers what was there before."""
    made = dict(SHOP())
    tables.forget()
    policy.forget()
    question_rules.forget()
    return made


def load_agents() -> None:
    """The demo agents exist, under ids of their own: what is counted for another test's agents is not
    theirs."""
    AGENTS(_renamed)


def _renamed(rows: Rows) -> None:
    for agent in rows[Agent]:
        before, agent["id"] = agent["id"], Agent._meta.pk.get_default()
        for key in rows[AgentKey]:
            if key["agent_id"] == before:
                key["agent_id"] = agent["id"]


def _any(kinds: tuple[type[models.Model], ...]) -> bool:
    asked = " OR ".join(f"EXISTS (SELECT 1 FROM {_table(kind)})" for kind in kinds)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {asked}")
        return bool(cursor.fetchone()[0])


def _table(kind: type[models.Model]) -> str:
    return connection.ops.quote_name(kind._meta.db_table)


def _columns(kind: type[models.Model]) -> list[str]:
    return [str(one.column) for one in kind._meta.concrete_fields]


def _read(kind: type[models.Model]) -> list[Row]:
    names = _columns(kind)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SELECT row_to_json(one)::text FROM {_table(kind)} one")
            return [json.loads(text) for (text,) in cursor.fetchall()]
        # The sign keeps Python's converters away: what is read is what is written.
        raw = ", ".join(f"+{connection.ops.quote_name(name)}" for name in names)
        cursor.execute(f"SELECT {raw} FROM {_table(kind)}")
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _write(kind: type[models.Model], rows: list[Row]) -> None:
    names = _columns(kind)
    columns = ", ".join(map(connection.ops.quote_name, names))
    now = str(connection.ops.adapt_datetimefield_value(timezone.now()))
    times = [str(one.column) for one in kind._meta.concrete_fields if isinstance(one, models.DateTimeField)]
    for row in rows:
        row.update((name, now) for name in times if row[name])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"INSERT INTO {_table(kind)} ({columns}) SELECT {columns}"
                f" FROM json_populate_recordset(NULL::{_table(kind)}, %s::json)",
                [json.dumps(rows)],
            )
        else:
            marks = ", ".join(["%s"] * len(names))
            given = [[row[name] for name in names] for row in rows]
            cursor.executemany(f"INSERT INTO {_table(kind)} ({columns}) VALUES ({marks})", given)
