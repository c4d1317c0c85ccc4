"""Periodic jobs as Celery's workers run them (reliability-security 4.2, 4.7)."""

from __future__ import annotations

import pytest

from gateway import periodic
from gateway.project.celery import app
from gateway.tasks import run_periodic

CANARY = "canary-5f1b"


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic, "_jobs", {})


def fail() -> None:
    raise RuntimeError(CANARY)


def test_a_failing_job_ends_without_its_text_in_any_log(caplog: pytest.LogCaptureFixture) -> None:
    """Reliability-security 4.7: an error's text may quote data; the worker would log it."""
    periodic.periodic("bad", 1, fail)

    ended = run_periodic.apply(args=("bad",))

    assert ended.successful()
    assert CANARY not in caplog.text
    [line] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.name == "agentic.relay"
    assert "bad" in line.getMessage()
    assert "RuntimeError at test_periodic.py" in line.getMessage()


def test_a_job_that_ends_well_ran_once_and_is_not_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    runs: list[str] = []
    periodic.periodic("good", 1, lambda: runs.append("ran"))

    assert run_periodic.apply(args=("good",)).successful()

    assert runs == ["ran"]
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_job_that_nobody_registered_is_an_error() -> None:
    assert app.tasks["agentic.periodic.run"] is not None

    with pytest.raises(periodic.UnknownPeriodic):
        periodic.run_periodic("nobody")
