"""What a run found, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from checkout.models import Break, ReconciliationRun
from checkout.money import display
from checkout.reconciliation.kinds import WORDS, Kind
from checkout.reconciliation.states import BreakState
from checkout.reconciliation.tally import CAPTURED, HELD, OURS, REFUNDED, THEIRS, Tally
from checkout.untrusted import visible

LISTED = 50
"""So many open breaks are listed; the others are counted."""


def of(run: ReconciliationRun, *, listed: int = LISTED) -> dict[str, Any]:
    """The run as plain data: amounts in minor units, the oldest open breaks of any run."""
    tally = Tally(run.counts)
    left = Break.objects.filter(state=BreakState.OPEN)
    return {
        "run": run.pk,
        "since": run.since.isoformat(),
        "until": run.until.isoformat(),
        "state": run.state,
        "phase": run.phase,
        "compared_until": run.cursor.isoformat(),
        "entries": tally.entries,
        "foreign_entries": tally.foreign,
        "payments": tally.payments,
        "payments_asked_for": tally.asked,
        "sums": tally.sums,
        "new": tally.outcomes["new"],
        "known": tally.outcomes["known"],
        "healed": tally.outcomes["healed"],
        "gone": tally.gone,
        "open": left.count(),
        "breaks": [_break(row) for row in left.order_by("first_seen_at")[:listed]],
    }


def text(run: ReconciliationRun) -> str:
    """The run as a person reads it."""
    return "\n".join(_lines(of(run), run))


def amounts(row: Break) -> tuple[str, str]:
    """Both sides' amounts for people: ours, the provider's; "-" for none."""
    ours = "-" if row.ours_amount is None else display(row.ours_amount, row.ours_currency)
    theirs = "-" if row.theirs_amount is None else display(row.theirs_amount, visible(row.theirs_currency))
    return ours, theirs


def _lines(told: dict[str, Any], run: ReconciliationRun) -> Iterator[str]:
    yield f"Reconciliation {run.pk}: {_moment(run.since)} to {_moment(run.until)}"
    yield f"  {run.get_state_display()}, {run.get_phase_display()}"
    yield f"  {told['entries']:,} entries of the provider, {told['payments']:,} paid attempts of ours"
    if told["foreign_entries"]:
        yield f"  {told['foreign_entries']:,} entries are none of ours (RECONCILE_SHARED_ACCOUNT)"
    if told["payments_asked_for"]:
        yield f"  {told['payments_asked_for']:,} payments without an entry were asked for one by one"
    for currency, sides in sorted(told["sums"].items()):
        yield f"  {visible(currency.upper())}"
        for side, name in ((THEIRS, "the provider"), (OURS, "our books")):
            held, captured, refunded = (sides[side][what] for what in (HELD, CAPTURED, REFUNDED))
            parts = f"held {display(held, currency)}, captured {display(captured, currency)}"
            net = display(held + captured - refunded, currency)
            yield f"    {name:<12}  {parts}, given back {display(refunded, currency)}, net {net}"
    for title, counts in (("new", told["new"]), ("seen before", told["known"]), ("healed", told["healed"])):
        for kind, count in sorted(counts.items()):
            yield f"  {title}: {count:,} x {Kind(kind).label}"
    if told["gone"]:
        yield f"  gone by themselves: {told['gone']:,}"
    if not told["open"]:
        yield "No open breaks."
        return
    yield f"{told['open']:,} open breaks, the oldest first:"
    for row in told["breaks"]:
        yield f"  {row['id']}  {row['kind']}  {row['subject']}"
        yield f"    ours: {row['ours']}; the provider's: {row['theirs']}; first seen {row['first_seen_at']}"
        yield f"    {row['do']}"
    if told["open"] > len(told["breaks"]):
        yield f"  and {told['open'] - len(told['breaks']):,} more, in the admin under Reconciliation breaks"


def _break(row: Break) -> dict[str, Any]:
    ours, theirs = amounts(row)
    return {
        "id": row.pk,
        "kind": row.kind,
        "subject": visible(row.subject),
        "payment": row.payment,
        "session": row.session,
        "order": row.order,
        "reference": visible(row.reference),
        "ours": f"{row.ours_state or '-'} {ours}",
        "theirs": f"{visible(row.theirs_state) or '-'} {theirs}",
        "first_seen_at": row.first_seen_at.isoformat(timespec="seconds"),
        "do": WORDS[row.kind].do,
    }


def _moment(at: Any) -> str:
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S %z")
