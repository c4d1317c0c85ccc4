"""What is left of a run: one JSON for each bar and database, and a table at the end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from tests.faults.runs import Verdict
from tests.project.server import ROOT


def commit() -> str:
    """The commit that is tested; "+" behind it when files differ from it."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip()

    return (git("rev-parse", "HEAD") or "unknown") + ("+" if git("status", "--porcelain") else "")


def write(out: Path, bar: str, db: str, head: Mapping[str, Any], verdict: Verdict, seconds: float) -> Path:
    """The bar's JSON is in `out`."""
    report = {
        "id": bar,
        "db": db,
        **head,
        "settings": verdict.settings,
        "seconds": round(seconds, 1),
        "figures": verdict.figures,
        "pass": verdict.passed,
        "violations": verdict.violations,
        "late": verdict.late,
        "unplayed": verdict.unplayed,
        "negative_control": verdict.control,
    }
    file = out / f"{bar}-{db}.json"
    file.write_text(json.dumps(report, indent=2, default=str) + "\n", encoding="utf-8")
    return file


def table(out: Path, wanted: list[tuple[str, str, str]]) -> tuple[str, bool]:
    """The lines for people, and whether every wanted bar passed. A bar without a JSON has failed."""
    lines, good = [], True
    for bar, db, title in wanted:
        file = out / f"{bar}-{db}.json"
        if not file.exists():
            lines.append(f"{bar}  {db:8}  NO REPORT         {title}")
            good = False
            continue
        report = json.loads(file.read_text(encoding="utf-8"))
        word = "pass" if report["pass"] else "FAIL"
        control = report["negative_control"].get("violations", 0)
        lines.append(f"{bar}  {db:8}  {word}  {report['seconds']:6.1f} s  {title}; control found {control}")
        lines += [f"       {text}" for text in _told(report)[:10]]
        lines += [f"       played again, because: {text}" for text in report.get("first_try", [])[:3]]
        if not control:
            lines.append("       the negative control found nothing: the bar proves nothing")
        good = good and report["pass"]
    return "\n".join(lines), good


def _told(report: Mapping[str, Any]) -> list[str]:
    late = [f"late: {text}" for text in report["late"]]
    return [*report["violations"], *late, *report["unplayed"]]


class Progress:
    """A bar of characters on a terminal, a line for each step elsewhere."""

    def __init__(self, steps: int, stream: TextIO = sys.stderr) -> None:
        self._steps = steps
        self._stream = stream
        self._done = 0

    def show(self, text: str) -> None:
        width = 24
        filled = width * self._done // max(1, self._steps)
        line = f"[{'#' * filled}{'.' * (width - filled)}] {self._done}/{self._steps} {text}"
        if self._stream.isatty():
            self._stream.write(f"\r\033[K{line}")
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def step(self) -> None:
        self._done += 1

    def end(self) -> None:
        self.show("done")
        if self._stream.isatty():
            self._stream.write("\n")
