"""The plugin in a run of its own: outcomes by id, with and without xdist, and refused marks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.requirements.proofs import ROOT

SUITE = """
import pytest

@pytest.mark.requirement("ACP-003", "ACP-004")
def test_passes(): pass

@pytest.mark.requirement("ACP-003")
@pytest.mark.parametrize("fine", [True, False, True])
def test_fails_in_one_case(fine): assert fine

@pytest.mark.requirement("ACP-005")
def test_is_skipped(): pytest.skip("not here")

@pytest.mark.requirement("ACP-005")
@pytest.mark.xfail(reason="known")
def test_fails_as_expected(): assert False

@pytest.fixture
def broken(): raise RuntimeError

@pytest.mark.requirement("ACP-006")
def test_never_begins(broken): pass

def test_of_nothing(): pass

@pytest.mark.requirement("ACP-007")
class TestOfAClass:
    @pytest.mark.requirement("ACP-008")
    def test_inside(self): pass
"""
OUTCOMES = {
    "ACP-003": {"test_it.py::test_passes": "passed", "test_it.py::test_fails_in_one_case": "failed"},
    "ACP-004": {"test_it.py::test_passes": "passed"},
    "ACP-005": {"test_it.py::test_is_skipped": "skipped", "test_it.py::test_fails_as_expected": "skipped"},
    "ACP-006": {"test_it.py::test_never_begins": "failed"},
    "ACP-007": {"test_it.py::TestOfAClass::test_inside": "passed"},
    "ACP-008": {"test_it.py::TestOfAClass::test_inside": "passed"},
}


def run(folder: Path, suite: str, *options: str) -> tuple[int, str]:
    """Pytest in a process of its own, without Django and without our settings."""
    (folder / "test_it.py").write_text(suite)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = requirement(*ids): proven\n")
    own = ["-p", "xdist", "-p", "tests.requirements.plugin", "-p", "no:cacheprovider", *options]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = {**inherited, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *own],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_outcomes_are_reported_by_id(tmp_path: Path, workers: tuple[str, ...]) -> None:
    status, output = run(tmp_path, SUITE, "--requirements-report=report.json", *workers)

    assert status == 1, output
    assert json.loads((tmp_path / "report.json").read_text()) == OUTCOMES


def test_what_is_only_collected_is_listed_without_an_outcome(tmp_path: Path) -> None:
    status, output = run(tmp_path, SUITE, "--collect-only", "--requirements-report=report.json")

    report = json.loads((tmp_path / "report.json").read_text())
    assert status == 0, output
    assert {id: set(tests) for id, tests in report.items()} == {id: set(t) for id, t in OUTCOMES.items()}
    assert {outcome for tests in report.values() for outcome in tests.values()} == {"collected"}


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
@pytest.mark.parametrize("mark", ['requirement("ACP-003", "ACP-9999")', "requirement"])
def test_a_mark_that_names_no_requirement_stops_the_run(
    tmp_path: Path, mark: str, workers: tuple[str, ...]
) -> None:
    suite = f"import pytest\n@pytest.mark.{mark}\ndef test_x(): pass\ndef test_y(): pass\n"

    status, output = run(tmp_path, suite, *workers)

    assert status != 0, output
    assert "test_it.py::test_x" in output
    assert "passed" not in output


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_of_two_tries_the_second_counts(tmp_path: Path, workers: tuple[str, ...]) -> None:
    suite = """
import pytest

tries = []

@pytest.mark.flaky(reruns=1)
@pytest.mark.requirement("ACP-003")
def test_is_late_once():
    tries.append(1)
    assert len(tries) == 2

@pytest.mark.flaky(reruns=1)
@pytest.mark.requirement("ACP-004")
def test_is_wrong():
    assert False
"""

    status, output = run(
        tmp_path, suite, "-p", "pytest_rerunfailures", "--requirements-report=report.json", *workers
    )

    assert status == 1, output
    assert json.loads((tmp_path / "report.json").read_text()) == {
        "ACP-003": {"test_it.py::test_is_late_once": "passed"},
        "ACP-004": {"test_it.py::test_is_wrong": "failed"},
    }
