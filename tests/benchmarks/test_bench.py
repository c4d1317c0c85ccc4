"""`make bench`: the routes beside their baselines, in one run.

BENCH_SECONDS (5) for each window, BENCH_ROUNDS (3), BENCH_ROUTES (all, or names with commas).
A measurement, not a gate: it says where a route falls short, and fails only when it could not
measure.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.benchmarks import measuring, report, statements, tapes
from tests.benchmarks.routes import ROUTES
from tests.benchmarks.shop import Sessions, throw_away_database
from tests.project.server import ROOT

pytestmark = pytest.mark.bench


def test_routes_beside_their_baselines(tmp_path: Path) -> None:
    """Performance table of the design: throughput and CPU per request against B0 and B1."""
    seconds = float(os.environ.get("BENCH_SECONDS") or 5)
    rounds = int(os.environ.get("BENCH_ROUNDS") or 3)
    names = (os.environ.get("BENCH_ROUTES") or ",".join(ROUTES)).split(",")
    load_before = os.getloadavg()[0]

    with throw_away_database(os.environ["DATABASE_URL"]) as database:
        recorded = measuring.prepare(database, tmp_path)
        sessions = Sessions(database)
        measured = {}
        with measuring.servers(tmp_path, database, recorded) as variants:
            version = sessions.settle()
            for name in names:
                print(f"measuring {name} ...", flush=True)
                measured[name] = measuring.measure(
                    ROUTES[name], variants, sessions, rounds=rounds, seconds=seconds
                )

    about = report.machine(version, rounds=rounds, seconds=seconds, load_before=load_before)
    played = tapes.load(recorded)
    same = {name: tape.shapes() for name, tape in played.items()} == statements.committed()
    about["statements"] = "as committed" if same else "NOT those of statements.json: see statements.py"
    print(report.write(ROOT / "var" / "bench", about, played, measured))
