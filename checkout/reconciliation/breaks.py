"""Breaks as rows: seen again, healed, gone by themselves, closed by an operator. Each move is logged."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from checkout import moves
from checkout.errors import StateConflict
from checkout.models import Break
from checkout.reconciliation.comparing import Found
from checkout.reconciliation.states import BreakState
from interventions.prepared import insert

log = logging.getLogger("agentic.reconciliation")

SYSTEM = "system"

LONGEST = {"subject": 255, "reference": 255, "theirs_state": 32, "theirs_currency": 8}
"""What a provider says is kept no longer than its column."""

SAME = ("ours_state", "ours_amount", "ours_currency", "theirs_state", "theirs_amount", "theirs_currency")
"""An operator closed it with these on both sides; with others it is another matter."""


class Stale(Exception):
    """It was resolved after it was found: the finding is out of date, or accepted by an operator."""


def keep(found: Found, *, found_at: datetime) -> tuple[Break, bool]:
    """The open break of this kind and subject, with what both sides say now, and whether it is new.

    One row however often it is found, and by however many runs at once. Raises Stale when an
    operator closed it with both sides as they are, or somebody resolved it after `found_at`.
    No transaction may be open.
    """
    facts = {
        name: value[: LONGEST[name]] if name in LONGEST else value for name, value in asdict(found).items()
    }
    key = {"kind": facts.pop("kind"), "subject": facts.pop("subject")}
    now = timezone.now()
    with transaction.atomic(durable=True):
        same = {name: facts[name] for name in SAME}
        accepted = Break.objects.filter(**key, state=BreakState.CLOSED, **same)
        if accepted.update(last_seen_at=now):
            raise Stale
        seen = {**facts, "last_seen_at": now, "updated_at": now}
        new = Break(**key, **facts, first_seen_at=now, last_seen_at=now, updated_at=now)
        inserted = bool(insert([new], unless_there=True))
        if not inserted:
            Break.objects.filter(**key, state=BreakState.OPEN).update(**seen)
        # Looked at after the insert: whoever resolved it before has committed by then.
        if Break.objects.filter(**key, resolved_at__gte=found_at).exists():
            if inserted:
                Break.objects.filter(pk=new.pk).delete()
            raise Stale
        if inserted:
            moves.begin(new, actor=SYSTEM)
            log.warning("reconciliation break %s: %s", new.pk, new.kind)
            return new, True
        row = Break.objects.filter(**key, state=BreakState.OPEN).first()
    if row is None:
        raise Stale
    return row, False


def seen(row: Break) -> None:
    """It is still there, as far as can be told."""
    Break.objects.filter(pk=row.pk, state=BreakState.OPEN).update(last_seen_at=timezone.now())


def healed(row: Break, how: str) -> bool:
    """It was put right by a verb of ours; False when somebody else was first."""
    return _resolved(row, BreakState.HEALED, SYSTEM, how)


def gone(row: Break) -> bool:
    """Both sides agree again, and nobody here did anything; False when somebody else was first."""
    return _resolved(row, BreakState.GONE, SYSTEM, "gone by itself")


def close(row: Break, *, actor: str, reason: str) -> bool:
    """An operator is done with it; False when it was not open any more. Nothing else is done about it.

    It stays closed while both sides stay as they are.
    """
    return _resolved(row, BreakState.CLOSED, actor, reason)


def _resolved(row: Break, to: str, actor: str, reason: str) -> bool:
    now = timezone.now()
    try:
        with transaction.atomic(durable=True):
            moves.move(
                row,
                to,
                actor=actor,
                note=reason[:255],
                resolved_at=now,
                resolved_by=actor[:255],
                reason=reason[:255],
            )
    except StateConflict:
        return False
    log.info("reconciliation break %s is %s", row.pk, to)
    return True
