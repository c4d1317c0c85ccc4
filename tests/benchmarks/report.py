"""What was measured, as plain text and as JSON."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import CONNECTIONS, THREADS, WORKERS, Result
from tests.benchmarks.routes import Route
from tests.benchmarks.tapes import Tape

PRODUCT, YARDSTICK = "route", "B1"
WIDTHS = (8, 8, 9, 7, 8, 8, 9)
PARTS = ("django", "djangorestframework", "granian", "orjson", "psycopg")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A route beside B1, and what it has to reach."""

    route: Route
    throughput: float
    cpu: float
    statements: int

    @property
    def short(self) -> list[str]:
        """Where the route falls short; empty when it reaches everything."""
        found = []
        if self.throughput < self.route.least_throughput:
            found.append(f"throughput {self.throughput:.2f} of B1, required {self.route.least_throughput}")
        if self.cpu > self.route.most_cpu:
            found.append(f"CPU {self.cpu:.2f} x B1, allowed {self.route.most_cpu}")
        if self.statements > self.route.most_statements:
            found.append(f"{self.statements} statements, allowed {self.route.most_statements}")
        return found


def judge(route: Route, tape: Tape, results: dict[str, Result]) -> Verdict:
    ours, theirs = results[PRODUCT], results[YARDSTICK]
    return Verdict(route, ours.throughput / theirs.throughput, ours.cpu_ms / theirs.cpu_ms, tape.counted())


def machine(database: str, *, rounds: int, seconds: float, load_before: float) -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "load_before": round(load_before, 2),
        "python": platform.python_version(),
        "postgresql": database,
        **{name: version(name) for name in PARTS},
        "server": f"granian, {WORKERS} workers x {THREADS} threads; the load generator on the same cores",
        "connections": CONNECTIONS,
        "rounds": rounds,
        "seconds": seconds,
    }


def text(about: dict[str, Any], tapes: dict[str, Tape], measured: dict[str, dict[str, Result]]) -> str:
    """The report for people: statements, the table, and where the routes fall short."""
    from tests.benchmarks.routes import ROUTES

    lines = ["", *(f"{name:22}{value}" for name, value in about.items())]
    for name in measured:
        lines += ["", f"{name}: {tapes[name].counted()} statements, BEGIN and the like not counted"]
        lines += [f"    {entry[:150]}" for entry in tapes[name].shapes()]
    titles = zip(("req/s", "of B1", "CPU ms", "x B1", "p50 ms", "p99 ms", "load ms"), WIDTHS, strict=True)
    header = f"{'route':10}{'who':22}" + "".join(f"{title:>{width}}" for title, width in titles)
    lines += ["", header, "-" * len(header)]
    for name, results in measured.items():
        yardstick = results[YARDSTICK]
        for who, result in results.items():
            lines.append(
                f"{name:10}{who:22}{result.throughput:8.0f}{result.throughput / yardstick.throughput:8.2f}"
                f"{result.cpu_ms:9.3f}{result.cpu_ms / yardstick.cpu_ms:7.2f}"
                f"{result.p50_ms:8.2f}{result.p99_ms:8.2f}{result.load_ms:9.3f}"
            )
    lines += [
        "",
        "Medians of the rounds. CPU ms: of the server's workers for each request; load ms: of the",
        "load generator. B0 and B1 run without middleware, the route with the project's.",
        "",
    ]
    for name, results in measured.items():
        verdict = judge(ROUTES[name], tapes[name], results)
        lines.append(
            f"{name:10}" + ("FALLS SHORT: " + "; ".join(verdict.short) if verdict.short else "reached")
        )
    return "\n".join(lines) + "\n"


def write(
    folder: Path, about: dict[str, Any], tapes: dict[str, Tape], measured: dict[str, dict[str, Result]]
) -> str:
    """`report.txt` and `report.json` are in `folder`; the text."""
    from tests.benchmarks.routes import ROUTES

    told = text(about, tapes, measured)
    routes = {}
    for name, results in measured.items():
        verdict = judge(ROUTES[name], tapes[name], results)
        routes[name] = {
            "throughput_of_b1": verdict.throughput,
            "required_throughput": verdict.route.least_throughput,
            "cpu_of_b1": verdict.cpu,
            "allowed_cpu": verdict.route.most_cpu,
            "statements": tapes[name].shapes(),
            "counted_statements": verdict.statements,
            "falls_short": verdict.short,
            "variants": {
                who: {
                    "requests_per_second": result.throughput,
                    "cpu_ms_per_request": result.cpu_ms,
                    "p50_ms": result.p50_ms,
                    "p99_ms": result.p99_ms,
                    "rounds": [asdict(sample) for sample in result.samples],
                }
                for who, result in results.items()
            },
        }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.txt").write_text(told)
    (folder / "report.json").write_text(json.dumps({"about": about, "routes": routes}, indent=2) + "\n")
    return told
