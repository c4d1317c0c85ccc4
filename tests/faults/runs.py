"""One run of bars on one kind of database, and what a bar gives back."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.auditor import Violation
from tests.faults.clients import Client
from tests.faults.databases import Databases
from tests.faults.processes import Server
from tests.faults.sizes import Size
from tests.faults.world import World, started

THREADS = 8
"""Of each worker on a stage: two stages are up at a time, and a server has two hundred connections."""


@dataclass
class Verdict:
    """What a bar found. It passes without violations, and when its negative control had some."""

    figures: dict[str, Any] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    control: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    unplayed: list[str] = field(default_factory=list)
    """Why it proves nothing this time: the race was not run, or the procedure broke."""
    late: list[str] = field(default_factory=list)
    """What was not done in time, and was not seen to be wrong: a busy machine does that too."""

    def exercised(self, holds: bool, text: str) -> None:
        """What the bar is about did happen; else it says nothing of the product, and fails all the same."""
        if not holds:
            self.unplayed.append(text)

    def expect(self, holds: bool, text: str) -> None:
        if not holds:
            self.violations.append(text)

    def in_time(self, holds: bool, text: str) -> None:
        """It was done within the seconds that it has."""
        if not holds:
            self.late.append(text)

    def audited(self, found: Iterable[Violation]) -> None:
        self.violations += [str(violation) for violation in found]

    def controlled(self, what: str, found: Iterable[object], **more: Any) -> None:
        """The same bar with a guard taken away must find something."""
        kept = list(found)
        named = Counter(one.invariant for one in kept if isinstance(one, Violation))
        texts = [str(one) for one in kept]
        self.control = {
            "what": what,
            "violations": len(texts),
            "invariants": dict(sorted(named.items())),
            "examples": texts[:8],
            **more,
        }

    @property
    def passed(self) -> bool:
        return not self.violations and not self.late and not self.unproven

    @property
    def undecided(self) -> bool:
        """Nothing was seen to be wrong, and it did not pass: once more will tell."""
        return not self.violations and (bool(self.late) or self.unproven)

    @property
    def unproven(self) -> bool:
        """It shows neither that the product is right nor that it is wrong."""
        return bool(self.unplayed) or not self.control.get("violations", 0)


@dataclass
class Stage:
    """A world with its servers, where several bars play."""

    world: World
    servers: list[Server]
    client: Client


@dataclass
class Run:
    """`seed` decides every draw of the clients."""

    databases: Databases
    size: Size
    seed: int
    folder: Path
    out: Path
    _stages: dict[str, Stage] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _worlds: Counter[str] = field(default_factory=Counter)

    @property
    def kind(self) -> str:
        return self.databases.kind

    def draws(self, bar: str) -> random.Random:
        return random.Random(f"{self.seed}:{bar}")

    def tenth(self, number: int) -> int:
        """As many on PostgreSQL, a tenth on SQLite."""
        return number if self.kind == "postgres" else max(2, number // 10)

    def world(self, name: str, *, timed: bool) -> World:
        """A new world. `timed`: with the durations of the size instead of the product's own."""
        self._worlds[name] += 1
        number = self._worlds[name]
        unique = f"{name}-{self.kind}" + (f"-{number}" if number > 1 else "")
        return World(
            unique, databases=self.databases, size=self.size, folder=self.folder, out=self.out, timed=timed
        )

    def races(self) -> Stage:
        """Two servers of two workers, as they are sold."""
        return self._stage("races")

    def unsafe(self) -> Stage:
        """The same two servers without what keeps races from doing harm."""
        return self._stage("unsafe", "keys,locks,stock,price")

    def leave_stages(self) -> None:
        """The shared worlds are gone; whoever asks again gets new ones."""
        for stage in self._stages.values():
            stage.world.keep_logs(self.out)
        self._stages.clear()
        self._stack.close()

    def _stage(self, name: str, unsafe: str = "") -> Stage:
        if name not in self._stages:
            world = self._stack.enter_context(self.world(name, timed=False))
            if unsafe:
                world.unconstrained()
            servers = [
                world.server(f"server-{n}", threads=THREADS, unsafe=unsafe, SWEEP_SECONDS=0.5) for n in (1, 2)
            ]
            started(*servers)
            self._stages[name] = Stage(world, servers, world.client(servers))
        stage = self._stages[name]
        stage.world.here()
        return stage


Procedure = Callable[[Run], Verdict]


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of reliability-security 3.1 or 3.2."""

    id: str
    title: str
    procedure: Procedure
    databases: tuple[str, ...] = ("postgres",)
    shares_stage: bool = False
    """It plays in `Run.races`, which the next such bar uses again."""
    pr: tuple[str, ...] = ()
    """On which databases with every change, where it is not all of them."""

    def on(self, size: str) -> tuple[str, ...]:
        return self.pr if size == "pr" and self.pr else self.databases
