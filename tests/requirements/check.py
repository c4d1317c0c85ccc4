"""What is wrong between the requirements, the marks, the runs and docs/requirements.md."""

from __future__ import annotations

from tests.requirements import table
from tests.requirements.catalogue import Document, by_id
from tests.requirements.proofs import PASSED, Proofs


def problems(documents: tuple[Document, ...], collected: Proofs, reported: Proofs, written: str) -> list[str]:
    """One line for each thing that is wrong; an empty list lets the build pass.

    `collected` are the marks in the suite, `reported` the outcomes of all runs together, `written`
    what docs/requirements.md holds.
    """
    found = []
    for id, row in by_id(documents).items():
        passed = [test for test, outcome in reported.get(id, {}).items() if outcome == PASSED]
        if row.level == "MUST" and row.allowed is None and not passed:
            found.append(f"{id}: a MUST without a passing test and without a reason")
        if row.allowed is not None and passed:
            found.append(f"{id}: a passing test proves it now ({passed[0]}): remove its `allowed`")
        for test in collected.get(id, {}):
            outcome = reported.get(id, {}).get(test, "not run")
            if outcome != PASSED:
                found.append(f"{id}: {test} carries it and is {outcome} in the given reports")
    if written != table.text(documents, collected):
        found.append(f"{table.PATH.name}: out of date, run `make requirements`")
    return found
