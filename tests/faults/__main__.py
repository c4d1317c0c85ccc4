"""Runs the bars: `python -m tests.faults --size pr --db postgres`; see docs/faults.md.

PostgreSQL comes from DATABASE_URL, Redis from REDIS_URL; without them both are started for this run
alone. Ends with status 1 when a bar fails, or left no report.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.project.server import ROOT

KINDS = ("postgres", "sqlite")


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--size", choices=("pr", "full"), default="full")
    parser.add_argument("--db", choices=KINDS, help="only this kind of database")
    parser.add_argument("--only", default="", help="ids of bars, separated by commas")
    parser.add_argument("--seed", type=int, default=None, help="of every draw; printed when not given")
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "faults")
    return parser.parse_args(arguments)


@contextmanager
def services() -> Iterator[dict[str, str]]:
    """DATABASE_URL and REDIS_URL of servers that may be used up."""
    given = {name: os.environ.get(name, "") for name in ("DATABASE_URL", "REDIS_URL")}
    if all(given.values()):
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="agentic-faults-services-") as folder:
        place = f"{folder}/services"
        os.chmod(folder, 0o755)  # PostgreSQL does not run as root, and has to get in
        subprocess.run([ROOT / ".ci" / "services", "start", place], check=True)
        try:
            lines = Path(place, "env").read_text()
            yield dict(re.findall(r"export (\w+)=(\S+)", lines))
        finally:
            subprocess.run([ROOT / ".ci" / "services", "stop", place], check=True)


def main(arguments: list[str]) -> int:
    from tests.faults import reports
    from tests.faults.bars import BARS

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    given = options(arguments)
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1_000_000)
    only = {name.strip().upper() for name in given.only.split(",") if name.strip()}
    unknown = only - {bar.id for bar in BARS}
    if unknown:
        sys.exit(f"no such bar: {', '.join(sorted(unknown))}")
    kinds = [given.db] if given.db else list(KINDS)
    wanted = [
        (bar.id, kind, bar.title)
        for kind in kinds
        for bar in BARS
        if kind in bar.on(given.size) and (not only or bar.id in only)
    ]
    out: Path = given.out.absolute()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    print(f"faults: seed {seed}, size {given.size}, reports in {out}", file=sys.stderr)
    with services() as urls:
        for kind in kinds:
            bars = [bar for bar, of_kind, _ in wanted if of_kind == kind]
            if bars:
                _run(kind, bars, given.size, seed, out, urls)
    lines, good = reports.table(out, wanted)
    print(lines)
    print(f"seed {seed}: {'every bar passed' if good else 'FAILED'}")
    return 0 if good else 1


def _run(kind: str, bars: list[str], size: str, seed: int, out: Path, urls: dict[str, str]) -> None:
    """One process for each kind of database: Django knows one."""
    with tempfile.TemporaryDirectory(prefix="agentic-faults-") as folder:
        running = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.running", kind, size, str(seed), folder, str(out), *bars],
            cwd=ROOT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
                "DATABASE_URL": urls["DATABASE_URL"]
                if kind == "postgres"
                else f"sqlite:///{folder}/none.sqlite3",
                "FAULTS_SERVER_URL": urls["DATABASE_URL"],
                "FAULTS_REDIS_URL": urls["REDIS_URL"],
                "REDIS_URL": "",
                "VAR_DIR": f"{folder}/var",
                "FAULTS_SETTINGS": "{}",
                "FAULTS_UNSAFE": "",
            },
        )
        try:
            running.wait()
        finally:
            # It takes down what it started, and then ends.
            running.terminate()
            running.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
