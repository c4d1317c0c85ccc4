"""What proves a requirement: for each id the tests that carry it, each with how it ended.

A report of a run and the list of what is collected have the same form, as JSON:

    {"ACP-003": {"tests/acp/test_transport.py::test_without_a_valid_key_it_is_401": "passed"}}

A parametrized test counts as one, and as failed when one of its cases failed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

COLLECTED, SKIPPED, PASSED, FAILED = "collected", "skipped", "passed", "failed"
_WORST_LAST = (COLLECTED, SKIPPED, PASSED, FAILED)

Proofs = dict[str, dict[str, str]]


class CollectionError(Exception):
    """The suite could not be collected; the text is pytest's own."""


def add(proofs: Proofs, id: str, test: str, outcome: str) -> None:
    """`test` is known for `id`; of two outcomes the one that says more stays, a failure above all."""
    known = proofs.setdefault(id, {})
    known[test] = max(known.get(test, outcome), outcome, key=_WORST_LAST.index)


def union(several: Iterable[Proofs]) -> Proofs:
    together: Proofs = {}
    for proofs in several:
        for id, tests in proofs.items():
            for test, outcome in tests.items():
                add(together, id, test, outcome)
    return together


def read(path: Path) -> Proofs:
    found: Proofs = json.loads(path.read_text())
    return found


def write(path: Path, proofs: Proofs) -> None:
    path.write_text(json.dumps(proofs, indent=1, sort_keys=True) + "\n")


def collected() -> Proofs:
    """Every mark in the suite, whatever database there is. Nothing runs.

    Raises CollectionError when a file cannot be imported or a mark names an unknown id.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "collected.json")
        options = ["--collect-only", "-qq", "-p", "no:cacheprovider", f"--requirements-report={path}"]
        done = subprocess.run(  # our own interpreter and options
            [sys.executable, "-m", "pytest", *options], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            # Before the first ruler stands what could be collected, file by file.
            raise CollectionError(done.stdout[done.stdout.find("\n=") + 1 :] + done.stderr)
        return read(path)
