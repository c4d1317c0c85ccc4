"""`manage.py agentic_reconcile`: what it prints, and with what it ends."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from checkout.models import Break, Payment, ReconciliationRun
from checkout.payments.sandbox import SandboxProvider
from checkout.reconciliation import runs
from gateway.management.commands import agentic_reconcile
from tests.agents import PlayedAgent
from tests.checkout.reconciling import Books, bought, declined_with_money, entry, later, open_breaks, spoil
from tests.operators import open_shop
from tests.parts import plugged


@pytest.fixture
def agent(db: None) -> PlayedAgent:
    return open_shop()


@pytest.fixture
def books() -> Iterator[Books]:
    part = Books()
    with plugged(payments=part):
        yield part


def reconcile(*arguments: str) -> tuple[int, str, str]:
    """The exit code, what went out, and what was told beside it."""
    out, beside = io.StringIO(), io.StringIO()
    try:
        with later():
            call_command("agentic_reconcile", *arguments, stdout=out, stderr=beside)
    except CommandError as problem:
        return problem.returncode, out.getvalue(), beside.getvalue() + str(problem)
    return 0, out.getvalue(), beside.getvalue()


def test_books_that_agree_end_well(agent: PlayedAgent, books: Books) -> None:
    order = bought(agent)

    code, said, beside = reconcile()

    assert code == 0
    assert "1 entries of the provider, 1 paid attempts of ours" in said
    total = f"{order.amount / 100:.2f} USD"
    for side in ("the provider", "our books"):
        line = next(line for line in said.splitlines() if side in line and "net" in line)
        assert f"held 0.00 USD, captured {total}, given back 0.00 USD, net {total}" in line
    assert "No open breaks." in said
    assert beside == ""


def test_open_breaks_are_listed_with_what_to_do(agent: PlayedAgent, books: Books) -> None:
    """And what was healed is said to be healed."""
    order = bought(agent)
    spoil(order, captured=0)
    healed = declined_with_money(agent)

    code, said, beside = reconcile()

    assert code == 1
    assert "1 open breaks, the oldest first:" in said
    assert f"capture_missing  {order.payment_id}" in said
    assert "Capture it in the provider's dashboard" in said
    assert "healed: 1 x charged without an order" in said
    assert healed.pk not in said
    assert "Breaks are open." in beside


def test_the_report_for_machines(agent: PlayedAgent, books: Books) -> None:
    order = bought(agent)
    spoil(order, captured=1)

    code, said, _ = reconcile("--json", "--days", "0.5")

    told = json.loads(said)
    assert code == 1
    assert (told["state"], told["entries"], told["payments"], told["open"]) == ("completed", 1, 1, 1)
    assert told["new"] == {"amount_differs": 1}
    assert told["sums"]["usd"] == {
        "theirs": {"held": 0, "captured": 1, "refunded": 0},
        "ours": {"held": 0, "captured": order.amount, "refunded": 0},
    }
    [row] = told["breaks"]
    assert (row["kind"], row["payment"], row["order"]) == ("amount_differs", order.payment_id, order.pk)


def test_looking_only_heals_nothing(agent: PlayedAgent, books: Books) -> None:
    payment = declined_with_money(agent)

    code, _, _ = reconcile("--no-heal")

    assert code == 1
    assert open_breaks() == [("charged_without_order", f"sbx_{payment.pk}")]
    assert reconcile()[0] == 0


def test_closed_books_end_with_2_and_say_how_to_go_on(agent: PlayedAgent, books: Books) -> None:
    orders = [bought(agent) for _ in range(3)]
    spoil(orders[0], captured=0)
    books.unreadable_after = 2

    code, said, beside = reconcile()

    run = ReconciliationRun.objects.get()
    assert code == 2
    assert "2 entries of the provider" in said
    assert f"capture_missing  {orders[0].payment_id}" in said
    assert f"agentic_reconcile --resume {run.pk}" in beside
    assert run.cursor.isoformat() in beside
    books.unreadable_after = None
    code, said, _ = reconcile("--resume", run.pk)
    assert code == 1
    assert "3 entries of the provider" in said
    assert open_breaks() == [("capture_missing", orders[0].payment_id)]


def test_a_period_is_what_was_asked_for(agent: PlayedAgent, books: Books) -> None:
    now = timezone.now()
    books.added = [entry("ch_old", created_at=now - timedelta(days=9)), entry("ch_new", created_at=now)]

    since, until = (now - timedelta(days=10)).isoformat(), (now - timedelta(days=8)).isoformat()
    code, _, _ = reconcile("--since", since, "--until", until)

    assert code == 1
    assert open_breaks() == [("charged_without_attempt", "ch_old")]
    run = ReconciliationRun.objects.get()
    assert (run.since.isoformat(), run.until.isoformat()) == (since, until)


def test_a_provider_without_a_ledger_is_told_so(agent: PlayedAgent) -> None:
    class Closed(SandboxProvider):
        entries = None  # type: ignore[assignment]

    with plugged(payments=Closed()):
        code, said, beside = reconcile()

    assert code == 2
    assert said == ""
    assert "keeps no ledger that can be read" in beside


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--since", "yesterday"), "is no ISO 8601 date or time"),
        (("--since", "2026-02-30"), "is no ISO 8601 date or time"),
        (("--days", "0"), "must be a number of days, more than 0"),
        (("--days", "many"), "must be a number of days, more than 0"),
        (("--days", "1", "--since", "2026-01-01"), "not allowed with argument"),
        (("--since", "2999-01-01"), "Nothing in this period is old enough"),
        (("--resume", "rec_none"), "There is no run 'rec_none' that could go on."),
    ],
)
def test_wrong_arguments_are_told(agent: PlayedAgent, books: Books, arguments: Any, told: str) -> None:
    code, said, beside = reconcile(*arguments)

    assert code != 0
    assert said == ""
    assert told in beside
    assert not ReconciliationRun.objects.exists()


def test_long_work_tells_how_far_it_is(
    agent: PlayedAgent, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "BATCH", 1)
    monkeypatch.setattr(agentic_reconcile, "SLICE_SECONDS", 0.0)
    for _ in range(3):
        bought(agent)

    code, _, beside = reconcile()

    assert code == 0
    assert "the provider's books against ours: 2 entries, " in beside
    assert "% of the period" in beside


def test_a_hostile_reference_is_text(agent: PlayedAgent, books: Books) -> None:
    """T51: what a provider passes on may have been written by anybody; a terminal obeys escapes."""
    books.added = [entry("ch_\x1b[2J\u202e")]

    _, said, _ = reconcile()

    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "ch_\\u001b[2J\\u202e" in said
    assert Break.objects.get().subject == "ch_\x1b[2J\u202e"
    assert not Payment.objects.exists()
