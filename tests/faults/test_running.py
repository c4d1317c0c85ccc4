"""What a bar that proved nothing comes to, and what one that found something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faults import reports, running
from tests.faults.runs import Verdict

CONTROL = {"violations": 1}


def broken(_: Any) -> Verdict:
    raise RuntimeError("the server does not answer")


def test_a_procedure_that_breaks_has_shown_nothing() -> None:
    verdict = running.played(broken, run=None)  # type: ignore[arg-type]

    assert "the server does not answer" in verdict.unplayed[0]
    assert verdict.unproven
    assert not verdict.passed


@pytest.mark.parametrize(
    ("verdict", "passed", "undecided"),
    [
        (Verdict(control=CONTROL), True, False),
        (Verdict(), False, True),
        (Verdict(control=CONTROL, unplayed=["the race was not run"]), False, True),
        (Verdict(control=CONTROL, violations=["I3 charged twice"]), False, False),
        (Verdict(control=CONTROL, late=["not at rest"]), False, True),
        (Verdict(control=CONTROL, late=["not at rest"], violations=["I2"]), False, False),
    ],
    ids=["passed", "no control", "not run", "found something", "late", "late and wrong"],
)
def test_only_what_decided_nothing_is_played_again(
    verdict: Verdict, passed: bool, undecided: bool, tmp_path: Path
) -> None:
    assert (verdict.passed, verdict.undecided) == (passed, undecided)
    reports.write(tmp_path, "R01", "postgres", {"seed": 1}, verdict, 1.0)
    lines, good = reports.table(tmp_path, [("R01", "postgres", "many")])

    assert good is passed
    assert ("pass" in lines) is passed
    assert json.loads((tmp_path / "R01-postgres.json").read_text())["pass"] is passed
