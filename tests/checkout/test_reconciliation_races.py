"""Two comparisons at the same instant, on PostgreSQL, with a negative control (reliability-security 0.10)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from checkout.models import Break, ReconciliationRun, SandboxCharge, StateMove
from checkout.reconciliation import breaks, healing, runs
from checkout.reconciliation.comparing import Found
from tests.checkout.reconciling import Books, bought, compare, declined_with_money, entry, later, spoil
from tests.crowd import at_once
from tests.operators import open_shop
from tests.parts import plugged

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

RUNS = 4


@pytest.fixture
def books(transactional_db: None) -> Iterator[Books]:
    part = Books()
    with plugged(payments=part):
        yield part


def meeting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run has found a difference before any of them writes it down."""
    gate = threading.Barrier(RUNS)
    keep = breaks.keep

    def together(found: Found, **options: Any) -> Any:
        gate.wait(30)
        return keep(found, **options)

    monkeypatch.setattr(healing.breaks, "keep", together)


def test_one_difference_is_one_break_whatever_runs(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = open_shop()
    spoil(bought(agent), captured=0)
    meeting(monkeypatch)

    with later():
        at_once(RUNS, lambda _: compare(heal=False))

    row = Break.objects.get()
    assert (row.kind, row.state) == ("capture_missing", "open")
    assert StateMove.objects.filter(subject=row.pk).count() == 1
    assert ReconciliationRun.objects.filter(state="completed").count() == RUNS


def test_without_the_constraint_it_would_be_several(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: each run looks first, sees none, and inserts."""

    def insert(rows: Any, *, unless_there: bool) -> int:
        for row in rows:
            # Another kind of subject for the database, so that nothing is unique.
            row.subject = f"{row.subject}:{threading.get_ident()}"
            row.save(force_insert=True)
        return len(rows)

    agent = open_shop()
    spoil(bought(agent), captured=0)
    meeting(monkeypatch)
    monkeypatch.setattr(breaks, "insert", insert)

    with later():
        at_once(RUNS, lambda _: compare(heal=False, seconds=60))

    assert Break.objects.filter(kind="capture_missing").count() > 1


def test_money_goes_back_once_whatever_runs(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """T64: every run heals it; the refund has one key, and the break one end."""
    agent = open_shop()
    payment = declined_with_money(agent)
    SandboxCharge.objects.filter(key=payment.pk).update(captured=payment.amount)
    meeting(monkeypatch)

    with later():
        at_once(RUNS, lambda _: compare())

    assert SandboxCharge.objects.get().refunds == {f"undo:{payment.pk}": payment.amount}
    assert Break.objects.get().state == "healed"
    ends = StateMove.objects.filter(subject=Break.objects.get().pk).exclude(from_state="")
    assert ends.count() == 1


def test_one_scheduled_run_at_a_time(books: Books) -> None:
    open_shop()
    books.added = [entry()]

    with later():
        at_once(RUNS, lambda _: runs.scheduled(30))

    run = ReconciliationRun.objects.get()
    assert run.counts["entries"] == 1
    assert Break.objects.count() == 1
