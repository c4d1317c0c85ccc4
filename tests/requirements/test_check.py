"""Judging and writing: each kind of fault is found, and the table depends on the marks alone."""

from __future__ import annotations

import pytest

from tests.requirements import check, proofs, table
from tests.requirements.catalogue import Document, Requirement, Section
from tests.requirements.proofs import COLLECTED, FAILED, PASSED, SKIPPED, Proofs

MUST = Requirement("X-1", "MUST", "One")
SHOULD = Requirement("X-2", "SHOULD", "Two")
ALLOWED = Requirement("X-3", "MUST", "Three", allowed="the proxy does it")
DOCUMENTS = (Document("x", "A protocol", (Section("A", "Transport: TLS, keys", (MUST, SHOULD, ALLOWED)),)),)

TEST = "tests/a/test_a.py::TestIt::test_one"
MARKED: Proofs = {"X-1": {TEST: COLLECTED}}


def judged(collected: Proofs, reported: Proofs) -> list[str]:
    return check.problems(DOCUMENTS, collected, reported, table.text(DOCUMENTS, collected))


def test_a_proven_must_and_an_allowed_one_are_enough() -> None:
    assert judged(MARKED, {"X-1": {TEST: PASSED}}) == []


def test_a_must_without_a_test_is_found() -> None:
    assert judged({}, {}) == ["X-1: a MUST without a passing test and without a reason"]


@pytest.mark.parametrize("outcome", [FAILED, SKIPPED, COLLECTED])
def test_a_test_that_did_not_pass_proves_nothing(outcome: str) -> None:
    assert judged(MARKED, {"X-1": {TEST: outcome}}) == [
        "X-1: a MUST without a passing test and without a reason",
        f"X-1: {TEST} carries it and is {outcome} in the given reports",
    ]


def test_a_test_that_no_run_had_is_found_even_when_another_proves_it() -> None:
    collected = {"X-1": {TEST: COLLECTED, "tests/b.py::test_services": COLLECTED}}

    assert judged(collected, {"X-1": {TEST: PASSED}}) == [
        "X-1: tests/b.py::test_services carries it and is not run in the given reports"
    ]


def test_a_reason_that_became_untrue_is_found() -> None:
    collected = {**MARKED, "X-3": {TEST: COLLECTED}}

    assert judged(collected, {"X-1": {TEST: PASSED}, "X-3": {TEST: PASSED}}) == [
        f"X-3: a passing test proves it now ({TEST}): remove its `allowed`"
    ]


def test_an_old_table_is_found() -> None:
    old = table.text(DOCUMENTS, {})

    found = check.problems(DOCUMENTS, MARKED, {"X-1": {TEST: PASSED}}, old)

    assert found == ["requirements.md: out of date, run `make requirements`"]


def test_runs_are_put_together_and_a_failure_stays() -> None:
    sqlite: Proofs = {"X-1": {"a": PASSED, "b": FAILED}}
    services: Proofs = {"X-1": {"a": SKIPPED, "b": PASSED, "c": PASSED}}

    expected = {"X-1": {"a": PASSED, "b": FAILED, "c": PASSED}}
    assert proofs.union([sqlite, services]) == proofs.union([services, sqlite]) == expected


def test_the_table_links_tests_and_tells_reasons() -> None:
    lines = table.text(DOCUMENTS, MARKED).splitlines()

    assert "| [A. Transport: TLS, keys](#a-transport-tls-keys) | 2 | 1 | 0 | 0 | 1 | 1 | 1 |" in lines
    assert "| X-1 | MUST | One | [test_one](../tests/a/test_a.py) |" in lines
    assert "| X-2 | SHOULD | Two | open |" in lines
    assert "| X-3 | MUST | Three | not yet: the proxy does it |" in lines


def test_the_table_does_not_depend_on_the_order_of_the_marks() -> None:
    tests = ["tests/b.py::test_b", "tests/a.py::test_z", "tests/a.py::test_a"]

    one = table.text(DOCUMENTS, {"X-1": dict.fromkeys(tests, COLLECTED)})
    other = table.text(DOCUMENTS, {"X-1": dict.fromkeys(reversed(tests), PASSED)})

    assert one == other
