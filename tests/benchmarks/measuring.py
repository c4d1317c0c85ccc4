"""Servers, rounds and CPU time: the measurement itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.replaying import TAPES
from tests.benchmarks.routes import Route
from tests.benchmarks.shop import Sessions
from tests.project.server import ROOT, Server, environment

WORKERS, THREADS, CONNECTIONS = 2, 4, 8
WARM_UP_SECONDS = 0.7
POOL = 1_000
MOST_COMPLETIONS_PER_SECOND = 1_500
"""Sessions are laid out for so many; a quicker machine ends the window early, which is no harm."""

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """One window of one variant."""

    requests: int
    seconds: float
    cpu_seconds: float
    """Of all worker processes of the server, in user and system mode."""
    own_cpu_seconds: float
    """Of the load generator, which shares the cores."""
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Result:
    """The medians of a variant's rounds."""

    samples: tuple[Sample, ...]

    @property
    def throughput(self) -> float:
        return median(sample.requests / sample.seconds for sample in self.samples)

    @property
    def cpu_ms(self) -> float:
        return median(sample.cpu_seconds / sample.requests * 1000 for sample in self.samples)

    @property
    def load_ms(self) -> float:
        return median(sample.own_cpu_seconds / sample.requests * 1000 for sample in self.samples)

    @property
    def p50_ms(self) -> float:
        return median(sample.p50_ms for sample in self.samples)

    @property
    def p99_ms(self) -> float:
        return median(sample.p99_ms for sample in self.samples)


@dataclass(frozen=True, slots=True)
class Variant:
    """Who answers: the route or a baseline, on which server, under which path."""

    name: str
    server: Server
    path: Callable[[Route], str]


@contextmanager
def servers(folder: Path, database_url: str, tapes: Path) -> Iterator[list[Variant]]:
    """The product and the baselines are served, each with the same process model."""
    shared = {
        "DATABASE_URL": database_url,
        "WORKERS": str(WORKERS),
        "THREADS": str(THREADS),
        TAPES: str(tapes),
    }
    for name in ("product", "baselines"):
        (folder / name).mkdir()
    product = Server(folder / "product", "tests.benchmarks.settings", **shared)
    baselines = Server(folder / "baselines", "tests.benchmarks.baseline_settings", **shared)
    with product, baselines:
        product.start()
        baselines.start()
        yield [
            Variant("route", product, Route.real_path),
            Variant("route, no middleware", baselines, Route.real_path),
            Variant("B0", baselines, lambda route: route.baseline_path("b0")),
            Variant("B1", baselines, lambda route: route.baseline_path("b1")),
        ]


def prepare(database_url: str, folder: Path) -> Path:
    """The database is filled; the file with the tapes."""
    target = folder / "tapes.json"
    subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.prepare", str(target)],
        cwd=ROOT,
        env=environment(VAR_DIR=str(folder / "var"), DATABASE_URL=database_url),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return target


def measure(
    route: Route, variants: Sequence[Variant], sessions: Sessions, *, rounds: int, seconds: float
) -> dict[str, Result]:
    """Every variant once in each round; who comes first changes from round to round."""
    samples: dict[str, list[Sample]] = {variant.name: [] for variant in variants}
    pool = [""] if "{session}" not in route.path else sessions.copies(POOL)
    for number in range(rounds):
        first = number % len(variants)
        for variant in (*variants[first:], *variants[:first]):
            if route.uses_up:
                wanted = (seconds + WARM_UP_SECONDS) * MOST_COMPLETIONS_PER_SECOND
                pool = sessions.copies(int(wanted))
            samples[variant.name].append(window(route, variant, pool, seconds))
    return {name: Result(tuple(taken)) for name, taken in samples.items()}


def window(route: Route, variant: Variant, pool: Sequence[str], seconds: float) -> Sample:
    """The variant under load for `seconds`. Raises AssertionError when a request was refused."""
    job = {
        "host": "127.0.0.1",
        "port": variant.server.port,
        "method": route.method,
        "path": variant.path(route),
        "headers": route.headers(),
        "body": route.raw.decode(),
        "sessions": list(pool),
        "once": route.uses_up,
        "connections": CONNECTIONS,
        "workers": WORKERS,
        "warm_up_seconds": WARM_UP_SECONDS,
        "seconds": seconds,
        "expected": route.status,
    }
    workers = variant.server.workers()
    assert len(workers) == WORKERS
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.load"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as load:
        assert load.stdin is not None
        assert load.stdout is not None
        assert load.stderr is not None
        load.stdin.write(json.dumps(job) + "\n")
        load.stdin.flush()
        assert load.stdout.readline() == "ready\n", f"{route.name}, {variant.name}: {load.stderr.read()}"
        before = cpu_seconds(workers)
        load.stdin.write("go\n")
        load.stdin.flush()
        line = load.stdout.readline()
        spent = cpu_seconds(workers) - before
        assert line, f"{route.name}, {variant.name}: {load.stderr.read()}"
    assert variant.server.workers() == workers, "a worker was replaced in the middle"
    return Sample(cpu_seconds=spent, **json.loads(line))


def cpu_seconds(processes: set[int]) -> float:
    """CPU time the processes have used so far, their threads included."""
    total = 0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS
