"""`@pytest.mark.requirement("ACP-044")` and the report of what such tests came to.

With `--requirements-report PATH` the outcomes are written as JSON (`proofs.py` has the form), also
under xdist: the ids travel with each test's report to the process that started the workers. A mark
with an id that no data file lists is an error of collection, with or without a report.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.requirements import catalogue, proofs

MARK = "requirement"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--requirements-report", metavar="PATH", help="write which requirements were proven")


def pytest_configure(config: pytest.Config) -> None:
    known = frozenset(catalogue.by_id(catalogue.load()))
    config.pluginmanager.register(_Marks(known), "requirement-marks")
    path = config.getoption("--requirements-report")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Report(Path(path).absolute()), "requirement-report")


def ids_of(item: pytest.Item) -> list[str]:
    """The ids of all marks of a test, of its class and of its module, each once."""
    return sorted({id for mark in item.iter_markers(MARK) for id in mark.args})


class _Marks:
    def __init__(self, known: frozenset[str]) -> None:
        self.known = known

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        for item in report.result or ():
            wrong = self._refused(item) if isinstance(item, pytest.Item) else None
            if wrong:
                report.outcome, report.longrepr, report.result = "failed", wrong, []
                break
        return report

    def _refused(self, item: pytest.Item) -> str | None:
        for mark in item.iter_markers(MARK):
            if not mark.args or mark.kwargs:
                return f"{item.nodeid}: a requirement mark takes ids and nothing else"
            unknown = [id for id in mark.args if id not in self.known]
            if unknown:
                return f"{item.nodeid}: no file in tests/requirements lists {unknown}"
        return None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            item.user_properties.append((MARK, ids_of(item)))


class _Report:
    """Lives in the process that started the run, never in an xdist worker."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.proofs: proofs.Proofs = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Empty under xdist, where only the workers collect."""
        for item in session.items:
            self._add(item.nodeid, ids_of(item), proofs.COLLECTED)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome == "passed" and report.when != "call":
            return  # that the preparation worked proves nothing
        if report.outcome == "rerun":
            return  # the second try decides
        outcome = proofs.SKIPPED if hasattr(report, "wasxfail") else report.outcome
        for name, ids in report.user_properties:
            if name == MARK:
                self._add(report.nodeid, ids, outcome)

    def _add(self, nodeid: str, ids: object, outcome: str) -> None:
        assert isinstance(ids, list)
        for id in ids:
            proofs.add(self.proofs, id, nodeid.partition("[")[0], outcome)

    def pytest_sessionfinish(self) -> None:
        proofs.write(self.path, self.proofs)
