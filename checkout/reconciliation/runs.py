"""Comparing a period of the provider's books with ours, in slices that can be continued.

    ledger  each entry beside its payment; payments that no entry was met for are asked about
    ours    payments whose outcome is unknown for too long, orders that were never handed over
    again   open breaks that this run did not meet: still there, or gone by themselves

Both sides are read in the order of time and merged, so that memory does not grow with the period.
No transaction may be open around any of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from checkout.completion import PAID, attempt_of
from checkout.errors import ProviderUnavailable
from checkout.models import Break, Payment, ReconciliationRun
from checkout.ports import LedgerEntry, LedgerProvider, ports
from checkout.reconciliation import comparing, healing
from checkout.reconciliation.comparing import Found, Ours
from checkout.reconciliation.states import BreakState, Phase, RunState
from checkout.reconciliation.tally import Tally
from interventions.prepared import insert

log = logging.getLogger("agentic.reconciliation")

BATCH = 500
SLACK = timedelta(minutes=5)
"""A payment's entry is looked for so far around it: the provider is called a little later, and its
clock is its own. What is further away is found by asking for the payment itself."""
QUEUE = "queue:"
"""Begins the mark of a run that is at what our own queue gave up."""
LEASE = timedelta(minutes=5)
"""Longer than a slice and the last call in it."""

SCHEDULE, COMMAND = "schedule", "command"


class NothingToCompare(ValueError):
    """The period is empty, or so young that everything in it may be on its way."""


class Busy(Exception):
    """Somebody else is at the run now."""


class Lost(Exception):
    """Somebody else took the run over, because we were stopped for longer than its lease."""


def start(origin: str, since: datetime, until: datetime, *, heal: bool = True) -> ReconciliationRun | None:
    """A new run of the period, up to what is old enough; None when a scheduled one is running already.

    Raises NoLedger and NothingToCompare.
    """
    healing.ledger()
    until = min(until, healing.edge())
    if since >= until:
        raise NothingToCompare
    run = ReconciliationRun(
        origin=origin, since=since, until=until, heal=heal, cursor=since, ours_cursor=since
    )
    return run if insert([run], unless_there=True) else None


def scheduled(seconds: float) -> None:
    """The scheduled comparison went on for about so many seconds, or began if it was time to.

    One that did not end before the next is due is given up. Safe beside itself: one run has one
    worker. A provider that does not answer is asked again at the next turn.
    """
    rules = ports().rules
    if rules.reconcile_seconds <= 0 or not isinstance(ports().payments, LedgerProvider):
        return
    now = timezone.now()
    run = ReconciliationRun.objects.filter(origin=SCHEDULE).first()
    due = run is None or run.created_at <= now - timedelta(seconds=rules.reconcile_seconds)
    if run is not None and run.state == RunState.RUNNING and due:
        stop(run)
    if due:
        until = healing.edge()
        run = start(SCHEDULE, until - timedelta(days=rules.reconcile_days), until)
    if run is None or run.state != RunState.RUNNING:
        return
    try:
        advance(run.pk, seconds)
    except Busy:
        return
    except ProviderUnavailable:
        log.warning("reconciliation %s: the provider's books cannot be read now", run.pk)


def stop(run: ReconciliationRun) -> None:
    """The run is over before its end; what it found is kept, and `go_on` continues it."""
    running = ReconciliationRun.objects.filter(pk=run.pk, state=RunState.RUNNING)
    running.update(state=RunState.UNREADABLE, ended_at=timezone.now(), lease_until=None)


def go_on(run_id: str) -> ReconciliationRun | None:
    """A run that stopped before its end runs again from there; None when there is none to continue."""
    rows = ReconciliationRun.objects.filter(pk=run_id, state__in=(RunState.UNREADABLE, RunState.RUNNING))
    rows.filter(state=RunState.UNREADABLE).update(
        state=RunState.RUNNING, origin=COMMAND, ended_at=None, error=""
    )
    return rows.first()


def advance(run_id: str, seconds: float) -> ReconciliationRun:
    """The run went on for about `seconds` from where it was, or ended; the row says which.

    Raises Busy when somebody else is at it, Lost when somebody else took over meanwhile, NoLedger,
    and ProviderUnavailable when the books cannot be read: what was compared is kept.
    """
    slice_ = Slice(run_id, seconds)
    try:
        slice_.work()
    except ProviderUnavailable:
        slice_.run.error = "provider_unavailable"
        slice_.let_go()
        raise
    except Lost:
        raise
    except Exception as problem:
        slice_.run.error = type(problem).__name__[:64]
        slice_.let_go()
        raise
    slice_.let_go()
    return slice_.run


class Slice:
    """One worker's turn at a run. Every save is conditional on the lease, whose value is the fence."""

    def __init__(self, run_id: str, seconds: float) -> None:
        now = timezone.now()
        rows = ReconciliationRun.objects.filter(pk=run_id, state=RunState.RUNNING)
        until = now + LEASE
        if not (
            rows.filter(lease_until=None).update(lease_until=until)
            or rows.filter(lease_until__lte=now).update(lease_until=until)
        ):
            raise Busy
        self.run = ReconciliationRun.objects.get(pk=run_id)
        self.tally = Tally(self.run.counts)
        self._ends = time.monotonic() + seconds

    def work(self) -> None:
        """The phases in their order, until the end or until the time is up."""
        self.run.error = ""
        for phase, work in (
            (Phase.LEDGER, self._ledger),
            (Phase.OURS, self._ours),
            (Phase.AGAIN, self._once_more),
        ):
            if self.run.phase == phase:
                if not work():
                    return
                self.run.phase, self.run.mark = _after(phase), ""
                self._save()
        self.run.state, self.run.ended_at = RunState.COMPLETED, timezone.now()

    def let_go(self) -> None:
        """What was done is kept, and anybody may go on. Raises Lost."""
        self._save(last=True)

    def _save(self, *, last: bool = False) -> None:
        now = timezone.now()
        mine = ReconciliationRun.objects.filter(pk=self.run.pk, lease_until=self.run.lease_until)
        self.run.counts, self.run.updated_at = self.tally.kept, now
        lease = None if last else now + LEASE
        names = ("phase", "state", "cursor", "cursor_skip", "ours_cursor", "mark", "error", "ended_at")
        columns = {name: getattr(self.run, name) for name in names}
        if not mine.update(**columns, counts=self.tally.kept, updated_at=now, lease_until=lease):
            raise Lost
        self.run.lease_until = lease

    @property
    def _late(self) -> bool:
        return time.monotonic() >= self._ends

    def _examine(self, found: Found, found_at: datetime) -> None:
        outcome = healing.examine(found, found_at=found_at, heal=self.run.heal, fresh=True)
        self.tally.outcome(outcome, found.kind)

    # --- The provider's books against ours -----------------------------------------------------

    def _ledger(self) -> bool:
        """True when the period is compared; False when the time was up before."""
        met: dict[str, datetime] = {}
        for batch in self._batches(met):
            if not self._entries(batch) or not self._payments(batch[-1].created_at - SLACK, met):
                return False
            old = self.run.ours_cursor - SLACK
            for attempt in [name for name, at in met.items() if at < old]:
                del met[attempt]
            self._save()
            if self._late:
                return False
        return self._payments(self.run.until, met)

    def _batches(self, met: dict[str, datetime]) -> Iterator[list[LedgerEntry]]:
        """What is left of the ledger. `met` knows which attempts had an entry lately."""
        run, skip = self.run, self.run.cursor_skip
        batch: list[LedgerEntry] = []
        cursor = run.cursor
        begin = min(cursor, run.ours_cursor) - SLACK
        silent: ProviderUnavailable | None = None
        try:
            for entry in healing.ledger().entries(begin, run.until):
                met[entry.attempt_id] = entry.created_at
                if entry.created_at < cursor:
                    continue
                if entry.created_at == cursor and skip:
                    skip -= 1
                    continue
                batch.append(entry)
                if len(batch) == BATCH:
                    yield batch
                    batch = []
        except ProviderUnavailable as problem:
            silent = problem
        if batch:
            yield batch
        if silent is not None:  # what was read before counts
            raise silent

    def _entries(self, batch: list[LedgerEntry]) -> bool:
        """The entries were compared and counted; False when the time was up before the last."""
        found_at = timezone.now()
        known = comparing.read(entry.attempt_id for entry in batch if entry.attempt_id)
        shared = ports().rules.reconcile_shared_account
        for entry in batch:
            ours = known.get(entry.attempt_id)
            different = comparing.differences(entry, ours, shared_account=shared)
            if different and ours is not None and ours.moved_at > healing.edge():
                different = []
            for found in different:
                self._examine(found, found_at)
            self.tally.entry(entry, foreign=ours is None and shared and not entry.attempt_id)
            self._passed(entry.created_at)
            if different and self._late:
                return entry is batch[-1]
        return True

    def _passed(self, at: datetime) -> None:
        self.run.cursor_skip = self.run.cursor_skip + 1 if at == self.run.cursor else 1
        self.run.cursor = at

    def _payments(self, until: datetime, met: dict[str, datetime]) -> bool:
        """Our paid attempts opened before `until` were compared; False when the time was up before."""
        run = self.run
        while run.ours_cursor < until:
            left = Q(created_at__gt=run.ours_cursor) | Q(created_at=run.ours_cursor, pk__gt=run.mark)
            # Twice the same bound: the index is entered by the one that stands alone.
            period = Payment.objects.filter(created_at__gte=run.ours_cursor, created_at__lt=until)
            paid = period.filter(left, state__in=PAID)
            page = list(paid.order_by("created_at", "pk").values_list("pk", "created_at")[:BATCH])
            found_at = timezone.now()
            known = comparing.read(pk for pk, _ in page)
            for pk, at in page:
                ours = known.get(pk)
                if ours is None:  # moved out of our sight between two statements
                    continue
                if ours.order and pk not in met and ours.moved_at <= healing.edge():
                    self._absent(ours, found_at)
                self.tally.payment(ours)
                run.ours_cursor, run.mark = at, pk
                if pk not in met and self._late:
                    return False
            if len(page) < BATCH:
                run.ours_cursor, run.mark = until, ""
        return True

    def _absent(self, ours: Ours, found_at: datetime) -> None:
        """No entry was met for the payment where one should be; the provider is asked for it alone."""
        self.tally.asked += 1
        payment = Payment.objects.get(pk=ours.payment)
        answer = ports().payments.retrieve(attempt_of(payment))
        for found in comparing.absences(ours, answer):
            self._examine(found, found_at)

    # --- What no ledger shows ------------------------------------------------------------------

    def _ours(self) -> bool:
        return (self.run.mark.startswith(QUEUE) or self._unknown()) and self._given_up()

    def _unknown(self) -> bool:
        while page := self._silent():
            found_at = timezone.now()
            known = comparing.read(page)
            for pk in page:
                self._examine(comparing.unknown(known[pk]), found_at)
                self.run.mark = pk
                if self._late:
                    return False
        return True

    def _given_up(self) -> bool:
        found_at = timezone.now()
        marks = {f"{QUEUE}{found.kind}:{found.subject}": found for found in healing.given_up()}
        done = self.run.mark if self.run.mark.startswith(QUEUE) else ""
        for mark in sorted(name for name in marks if name > done):
            self._examine(marks[mark], found_at)
            self.run.mark = mark
            if self._late:
                return False
        return True

    def _silent(self) -> list[str]:
        left = healing.silent().filter(pk__gt=self.run.mark)
        return list(left.values_list("pk", flat=True)[:BATCH])

    # --- What was open before ------------------------------------------------------------------

    def _once_more(self) -> bool:
        """Breaks that were not met, in this period or another: each is looked at by itself."""
        left = Break.objects.filter(state=BreakState.OPEN, last_seen_at__lt=self.run.created_at)
        while row := left.order_by("last_seen_at").first():
            state = healing.look_at(row, heal=self.run.heal)
            if state == BreakState.GONE:
                self.tally.gone += 1
            elif state == BreakState.HEALED:
                self.tally.outcome(healing.HEALED, row.kind)
            if self._late:
                return False
        return True


def _after(phase: str) -> str:
    names = list(Phase.values)
    return names[names.index(phase) + 1]
