"""`manage.py agentic_reconcile`: the payment provider's books against ours."""

from __future__ import annotations

import argparse
import json
from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from checkout.errors import ProviderUnavailable
from checkout.models import ReconciliationRun
from checkout.ports import ports
from checkout.reconciliation import healing, report, runs
from checkout.reconciliation.states import RunState

SLICE_SECONDS = 10.0
"""After each, progress is told."""

OPEN_BREAKS, UNREADABLE = 1, 2
"""Exit codes."""


class Command(BaseCommand):
    help = (
        "Compares the payment provider's books with our payments and orders, heals what it can and reports "
        "what is left. Exits with 1 when breaks are open, with 2 when the books cannot be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        period = parser.add_mutually_exclusive_group()
        period.add_argument("--since", type=_moment, help="From then on: ISO 8601, in our zone without one.")
        period.add_argument("--days", type=_days, help="So many days back; RECONCILE_DAYS if not given.")
        period.add_argument("--resume", metavar="RUN", help="Go on with a run that could not end.")
        parser.add_argument("--until", type=_moment, help="Before then; at most up to what is old enough.")
        parser.add_argument("--no-heal", action="store_true", help="Look only: settle and undo nothing.")
        parser.add_argument("--json", action="store_true", help="The report for machines.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = self._begun(options)
            while run.state == RunState.RUNNING:
                run = runs.advance(run.pk, SLICE_SECONDS)
                if run.state == RunState.RUNNING:
                    self._progress(run)
        except healing.NoLedger as problem:
            raise CommandError(str(problem), returncode=UNREADABLE) from None
        except runs.Busy:
            raise CommandError("Somebody else is at this run now.", returncode=UNREADABLE) from None
        except ProviderUnavailable:
            runs.stop(run)
            run.refresh_from_db()
            self._tell(run, options)
            raise CommandError(
                f"The provider's books cannot be read now. What was compared up to {run.cursor.isoformat()} "
                f"is kept. Go on with: manage.py agentic_reconcile --resume {run.pk}",
                returncode=UNREADABLE,
            ) from None
        if self._tell(run, options)["open"]:
            raise CommandError("Breaks are open.", returncode=OPEN_BREAKS)

    def _begun(self, options: dict[str, Any]) -> ReconciliationRun:
        if options["resume"]:
            healing.ledger()
            stopped = runs.go_on(options["resume"])
            if stopped is None:
                raise CommandError(f"There is no run {options['resume']!r} that could go on.")
            return stopped
        until = options["until"] or timezone.now()
        days = ports().rules.reconcile_days if options["days"] is None else options["days"]
        since = options["since"] or min(until, healing.edge()) - timedelta(days=days)
        try:
            run = runs.start(runs.COMMAND, since, until, heal=not options["no_heal"])
        except runs.NothingToCompare:
            raise CommandError(
                "Nothing in this period is old enough: what is younger than RECONCILE_GRACE_SECONDS "
                "may still be on its way."
            ) from None
        assert run is not None  # only scheduled runs are one at a time
        return run

    def _progress(self, run: ReconciliationRun) -> None:
        share = (run.cursor - run.since) / (run.until - run.since)
        said = f"{run.get_phase_display()}: {run.counts['entries']:,} entries"
        self.stderr.write(f"{said}, {share:.0%} of the period" if run.phase == "ledger" else said)

    def _tell(self, run: ReconciliationRun, options: dict[str, Any]) -> dict[str, Any]:
        told = report.of(run)
        self.stdout.write(json.dumps(told, indent=2) if options["json"] else report.text(run))
        return told


def _moment(given: str) -> datetime:
    try:
        moment = parse_datetime(given)
        if moment is None and (day := parse_date(given)):
            moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001  # gets our zone below
    except ValueError:
        moment = None
    if moment is None:
        raise argparse.ArgumentTypeError(f"{given!r} is no ISO 8601 date or time")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def _days(given: str) -> float:
    try:
        days = float(given)
    except ValueError:
        days = 0.0
    if not 0 < days < 36_500:
        raise argparse.ArgumentTypeError("must be a number of days, more than 0")
    return days
