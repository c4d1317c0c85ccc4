"""Runs: in slices, continued where they stopped, begun when they are due."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from checkout.errors import ProviderUnavailable
from checkout.models import Break, CheckoutSession, Order, Payment, ReconciliationRun, SandboxCharge
from checkout.payments import sandbox
from checkout.payments.sandbox import SandboxProvider
from checkout.reconciliation import healing, runs, stuck
from checkout.reconciliation.comparing import Found
from checkout.states import PaymentState, SessionState
from gateway import relay
from gateway.models import OutboxMessage
from tests.agents import PlayedAgent
from tests.checkout.reconciling import (
    LATER,
    Books,
    bought,
    compare,
    declined_with_money,
    entry,
    later,
    open_breaks,
    spoil,
)
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


def fill(count: int, *, over: timedelta, until: datetime, order: Order) -> None:
    """So many healthy purchases like this one, spread over the time before `until`."""
    session, payment = order.session, order.payment
    charge = SandboxCharge.objects.get(key=payment.pk)
    copies: dict[type[Any], list[Any]] = {CheckoutSession: [], Payment: [], Order: [], SandboxCharge: []}
    columns = {
        model: [field.attname for field in model._meta.concrete_fields]
        for model in (CheckoutSession, Payment, Order, SandboxCharge)
    }

    def copy(row: Any, **changed: Any) -> None:
        names = columns[type(row)]
        copies[type(row)].append(type(row)(**{name: getattr(row, name) for name in names} | changed))

    for number in range(count):
        at = until - over * ((count - number) / count)
        old = {"created_at": at, "updated_at": at}
        copy(session, id=f"cs_{number:08}", **old)
        copy(
            payment, id=f"pay_{number:08}", session_id=f"cs_{number:08}", reference=f"sbx_{number:08}", **old
        )
        copy(
            order,
            id=f"ord_{number:08}",
            session_id=f"cs_{number:08}",
            payment_id=f"pay_{number:08}",
            **old,
        )
        copy(
            charge,
            reference=f"sbx_{number:08}",
            key=f"pay_{number:08}",
            session=f"cs_{number:08}",
            created_at=at + timedelta(seconds=1),
        )
    for model, rows in copies.items():
        model.objects.bulk_create(rows, batch_size=500)


# --- Slices -----------------------------------------------------------------------------------


def test_a_run_in_the_smallest_slices_finds_the_same(
    agent: PlayedAgent, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is counted twice and nothing left out, also where entries share an instant."""
    monkeypatch.setattr(runs, "BATCH", 3)
    now = timezone.now()
    for number in range(8):
        order = bought(agent)
        at = now + timedelta(seconds=number // 4)
        spoil(order, created_at=at, captured=order.amount - number % 2)
        Payment.objects.filter(pk=order.payment_id).update(created_at=now)
    books.added = [entry(f"ch_{number}", created_at=now + timedelta(seconds=1)) for number in range(4)]

    with later():
        whole = compare(heal=False)
        found = open_breaks()
        Break.objects.all().delete()
        sliced = compare(heal=False, seconds=0)

    assert len(found) == 8
    assert open_breaks() == found
    assert sliced.counts == whole.counts
    assert whole.counts["entries"] == 12
    assert whole.counts["payments"] == 8


def test_what_was_compared_before_the_books_closed_is_kept(
    agent: PlayedAgent, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider stops answering in the middle; the run goes on from there, and counts nothing twice."""
    monkeypatch.setattr(runs, "BATCH", 4)
    orders = [bought(agent) for _ in range(7)]
    spoil(orders[0], captured=0)
    spoil(orders[6], captured=0)
    books.unreadable_after = 5

    with later():
        now = timezone.now()
        run = runs.start(runs.COMMAND, now - timedelta(days=1), now, heal=False)
        assert run is not None
        with pytest.raises(ProviderUnavailable):
            runs.advance(run.pk, 60)
        run.refresh_from_db()
        half = (run.state, run.error, run.counts["entries"], run.lease_until, open_breaks())
        books.unreadable_after = None
        ended = runs.advance(run.pk, 60)

    assert half == ("running", "provider_unavailable", 5, None, [("capture_missing", orders[0].payment_id)])
    assert (ended.state, ended.error, ended.counts["entries"], ended.counts["payments"]) == (
        "completed",
        "",
        7,
        7,
    )
    assert len(open_breaks()) == 2


def test_one_run_has_one_worker(agent: PlayedAgent, books: Books) -> None:
    """A lease, which runs out; whoever lost it writes nothing any more."""
    with later():
        now = timezone.now()
        run = runs.start(runs.COMMAND, now - timedelta(days=1), now)
        assert run is not None
        first = runs.Slice(run.pk, 60)

        with pytest.raises(runs.Busy):
            runs.advance(run.pk, 60)
    with later(LATER + runs.LEASE * 2):
        ended = runs.advance(run.pk, 60)
        with pytest.raises(runs.Lost):
            first.let_go()

    assert ended.state == "completed"
    assert ReconciliationRun.objects.get().state == "completed"


def test_an_entry_far_from_its_payment_is_found_by_asking(
    agent: PlayedAgent, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider whose clock is wrong: the two are too far apart to be kept in mind."""
    monkeypatch.setattr(runs, "BATCH", 1)
    for hours in (3, 2, 1):
        spoil(bought(agent), created_at=timezone.now() - timedelta(hours=hours))
    Payment.objects.exclude(pk=Payment.objects.first().pk).update(  # type: ignore[union-attr]
        created_at=timezone.now() - timedelta(hours=9)
    )

    with later():
        run = compare()

    assert open_breaks() == []
    assert run.counts["asked"] == 1


@pytest.mark.parametrize("asked", [False, True])
def test_only_what_no_entry_was_met_for_is_asked_about(
    agent: PlayedAgent, books: Books, monkeypatch: pytest.MonkeyPatch, asked: bool
) -> None:
    """A call for each payment of a day would be no comparison of books."""
    order = bought(agent)
    if asked:
        SandboxCharge.objects.all().delete()
    calls: list[str] = []
    retrieve = SandboxProvider.retrieve

    def counted(self: SandboxProvider, attempt: Any) -> Any:
        calls.append(attempt.id)
        return retrieve(self, attempt)

    monkeypatch.setattr(SandboxProvider, "retrieve", counted)

    with later():
        compare(heal=False)

    assert set(calls) == ({order.payment_id} if asked else set())


def test_memory_does_not_grow_with_the_period(
    agent: PlayedAgent, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch at a time: four times as many entries take no more than half as much again."""
    monkeypatch.setattr(runs, "BATCH", 50)
    monkeypatch.setattr(sandbox, "LEDGER_PAGE", 50)
    order = bought(agent)
    peaks = []
    for count in (200, 800):
        SandboxCharge.objects.exclude(key=order.payment_id).delete()
        for model in (Order, Payment, CheckoutSession):
            model.objects.exclude(pk__in=(order.pk, order.payment_id, order.session_id)).delete()
        fill(count, over=timedelta(hours=count / 50), until=timezone.now(), order=order)
        with plugged(payments=SandboxProvider()), later():
            compare()
            tracemalloc.start()
            run = compare()
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert run.counts["entries"] == count + 1
        assert run.counts["payments"] == count + 1

    assert open_breaks() == []
    assert peaks[1] < 1.5 * peaks[0]


# --- Begun by itself --------------------------------------------------------------------------


def test_the_relay_compares_once_a_day(agent: PlayedAgent, books: Books) -> None:
    order = bought(agent)
    spoil(order, captured=0)

    for hours in (2, 3, 25, 27):
        with plugged(payments=books), time_machine.travel(timezone.now() + timedelta(hours=hours), tick=True):
            relay.run_periodic("checkout.reconcile")

    assert list(ReconciliationRun.objects.values_list("origin", "state")) == [("schedule", "completed")] * 2
    assert open_breaks() == [("capture_missing", order.payment_id)]


def test_it_is_off_at_zero(agent: PlayedAgent, books: Books, settings: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "RECONCILE_SECONDS": 0}

    with plugged(payments=books):
        runs.scheduled(10)

    assert not ReconciliationRun.objects.exists()


def test_a_provider_without_a_ledger_has_no_runs(agent: PlayedAgent) -> None:
    class Closed(SandboxProvider):
        entries = None  # type: ignore[assignment]

    with plugged(payments=Closed()):
        runs.scheduled(10)
        with pytest.raises(healing.NoLedger):
            runs.start(runs.COMMAND, timezone.now() - timedelta(days=1), timezone.now())

    assert not ReconciliationRun.objects.exists()


def test_a_long_run_goes_on_at_the_next_turns(
    agent: PlayedAgent, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job ends within its lease; what it did not get to is done by the next, also of another process."""
    monkeypatch.setattr(runs, "BATCH", 2)
    for _ in range(5):
        bought(agent)

    with later():
        states = []
        for _ in range(20):
            runs.scheduled(0)
            states.append(ReconciliationRun.objects.get().state)

    assert states[0] == "running"
    assert states[-1] == "completed"
    assert ReconciliationRun.objects.get().counts["entries"] == 5


def test_books_that_stay_closed_are_given_up_for_the_next_day(agent: PlayedAgent, books: Books) -> None:
    """Asked again at every turn, and not for ever: tomorrow's period covers today's."""
    bought(agent)
    books.unreadable_after = 0

    with later():
        runs.scheduled(10)
        runs.scheduled(10)
    books.unreadable_after = None
    with later(timedelta(hours=27)):
        runs.scheduled(10)

    newest, oldest = ReconciliationRun.objects.all()
    assert (oldest.state, oldest.error) == ("unreadable", "provider_unavailable")
    assert (newest.state, newest.counts["entries"]) == ("completed", 1)


def test_a_healed_session_is_done_once_whatever_runs(agent: PlayedAgent, books: Books) -> None:
    """Command and job share it: the second finds nothing left."""
    payment = declined_with_money(agent)

    with later():
        runs.scheduled(30)
        compare()

    assert Break.objects.get().state == "healed"
    assert SandboxCharge.objects.get(key=payment.pk).outcome == "voided"
    assert Payment.objects.get(pk=payment.pk).state == PaymentState.DECLINED
    assert CheckoutSession.objects.get().state == SessionState.OPEN


def test_what_the_queue_gave_up_is_looked_at_in_slices(
    agent: PlayedAgent, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a long night of the provider's there may be thousands, and some are asked about: a turn ends in
    time, the next one goes on, and no look at one of them reads them all."""
    payments = sorted(bought(agent, captured=False).payment_id for _ in range(4))
    OutboxMessage.objects.filter(kind="checkout.capture").delete()
    seen: list[str] = []
    listings: list[str] = []
    examine, every = healing.examine, stuck.every

    def examined(found: Found, **more: Any) -> str:
        seen.append(found.subject)
        return examine(found, **more)

    def listed(edge: datetime, only: str = "") -> list[Found]:
        listings.append(only)
        return every(edge, only)

    monkeypatch.setattr(healing, "examine", examined)
    monkeypatch.setattr(stuck, "every", listed)
    turns = 0
    with later():
        now = timezone.now()
        run = runs.start(runs.COMMAND, now - timedelta(days=1), now)
        assert run is not None
        while run.state == "running" and turns < 40:
            before = len(seen)
            run = runs.advance(run.pk, 0)
            turns += 1
            assert len(seen) - before <= 1

    assert run.state == "completed"
    assert sorted(seen) == payments, "each once"
    assert listings.count("") <= turns
    assert open_breaks() == [("not_captured", payment) for payment in payments]
