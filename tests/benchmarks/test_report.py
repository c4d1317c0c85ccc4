"""The report says where a route falls short, and only there."""

from __future__ import annotations

import pytest

from tests.benchmarks import load, report
from tests.benchmarks.measuring import Result, Sample
from tests.benchmarks.routes import ROUTES
from tests.benchmarks.tapes import Block, Statement, Tape


def windows(*requests: int, cpu_ms: float) -> Result:
    return Result(tuple(Sample(n, 1.0, n * cpu_ms / 1000, 0.01, 1.0, 2.0) for n in requests))


def tape(statements: int) -> Tape:
    work = [Statement("SELECT 1", None, True)] * statements
    return Tape("get", [Block(True, [Statement('SAVEPOINT "s1_x1"', None, False), *work])], 200, {})


def test_medians_are_compared_and_the_bookkeeping_of_transactions_is_not_counted() -> None:
    results = {"route": windows(10, 80, 900, cpu_ms=1.2), "B1": windows(100, 100, 100, cpu_ms=1.0)}

    verdict = report.judge(ROUTES["get"], tape(2), results)

    assert verdict.throughput == pytest.approx(0.8)
    assert verdict.cpu == pytest.approx(1.2)
    assert verdict.statements == 2
    assert verdict.short == []


def test_each_thing_that_falls_short_is_named() -> None:
    results = {"route": windows(79, cpu_ms=1.3), "B1": windows(100, cpu_ms=1.0)}

    short = report.judge(ROUTES["get"], tape(3), results).short

    assert [line.split()[0] for line in short] == ["throughput", "CPU", "3"]


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nContent-Length: 12", b"HTTP/1.1 200 OK\r\ncontent-length:12\r\nx: y"]
)
def test_the_load_generator_knows_where_an_answer_ends(head: bytes) -> None:
    assert load.length_of(head) == 12


def test_the_load_generator_takes_no_answer_without_a_length() -> None:
    with pytest.raises(ValueError, match="Content-Length"):
        load.length_of(b"HTTP/1.1 200 OK\r\nx-content-length-of: 12")
