"""A parked call goes on: it is looked at, and carried out once when nothing is asked any more.

Whoever comes looks: each poll of its agent, the effect that an end wakes, and a sweep. One of them runs
the call, by a lease and a fence; its answer is stored in the transaction that makes it, together with the
charge. A run whose outcome is not known ends nothing: the call goes on waiting, and is run again under the
same claim, which the payment provider knows.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from checkout.errors import CheckoutError, ProviderUnavailable, StateConflict
from gateway import agents, deferring, outbox, subjects, tickets
from gateway.aauth import ending, keeping, moves, requirements
from gateway.aauth.requirements import Requirement
from gateway.conf import conf
from gateway.deferring import Call, Lost, StillWaits, Turn
from gateway.delivery import origin
from gateway.identities import CLARIFICATION
from gateway.once import Answer
from gateway.pending_models import PendingRequest
from gateway.pending_states import OPEN, PendingState
from gateway.subjects import Subject
from interventions import clarifications
from interventions.models import Intervention
from interventions.negotiation import CONTACT
from interventions.states import OPEN as ASKED

log = logging.getLogger("agentic.aauth")

WAKE = "aauth.wake"
FAILED = "server_error"
"""Noted on a call whose last run broke: unless a later one ends well, that is how it ends (AA-027)."""
BATCH = 200
PURGE_BATCH = 1_000


def look(pending: PendingRequest) -> Requirement | None:
    """Where the call stands, after whatever was due was done: what is asked now, or None when it has ended.
    The row in memory is then as the database holds it.

    Repeatable, also at the same time elsewhere. No transaction may be open.
    """
    if pending.state not in OPEN:
        return None
    about = subjects.of(pending.subject)
    clarifications.time_out(pending.subject)
    asked = requirements.of(pending)
    late = pending.expires_at <= timezone.now()
    if not late and requirements.waits(pending):
        return asked
    try:
        about.settle(pending.subject)
        if not late and requirements.waits(pending):
            return requirements.of(pending)
        _go_on(pending, about, late=late)
    except (Lost, CheckoutError) as problem:
        # Somebody else is at it, or nobody knows yet: the next look goes on.
        log.info("%s goes on waiting: %s", pending.pk, type(problem).__name__)
        pending.refresh_from_db()
    if pending.state not in OPEN:
        return None
    return requirements.of(pending)


def look_again(payload: Mapping[str, Any]) -> None:
    """The effect: every call that waits for the subject was looked at. Repeatable."""
    rows = PendingRequest.objects.filter(subject=payload["subject"], state__in=OPEN)
    broken: Exception | None = None
    for row in rows.order_by("created_at"):
        try:
            look(row)
        except Exception as problem:  # the others have their turn before the effect is tried again
            broken = problem
    if broken is not None:
        raise broken


def wake(subject: str) -> None:
    """Whoever waits for the subject looks again soon. Costs a look at an index when nobody does. Inside the
    transaction that changed something about it."""
    if moves.touch(subject):
        outbox.DatabaseOutbox().add(WAKE, {"subject": subject})


def answers(subject: str) -> bool:
    """An agent waits for the subject that takes questions (AA-101)."""
    rows = PendingRequest.objects.filter(subject=subject, state__in=OPEN, expires_at__gt=timezone.now())
    return any(CLARIFICATION in named for named in rows.values_list("capabilities", flat=True))


def sweep() -> None:
    """Calls whose time is over have ended, and those for which nobody is asked were looked at, such as what a
    dead run left. At most BATCH of each.
    Repeatable, and safe beside itself."""
    now = timezone.now()
    late = PendingRequest.objects.filter(state__in=OPEN, expires_at__lte=now).order_by("expires_at")
    asked = Intervention.objects.filter(subject=OuterRef("subject"), state__in=ASKED).exclude(kind=CONTACT)
    rows = PendingRequest.objects.filter(state__in=OPEN).annotate(waits=Exists(asked))
    # Nobody is asked: also when they had answered before the call was there to be woken.
    left = rows.filter(Q(waits=False) | Q(fence__gt=0)).order_by("waits", "updated_at")
    for row in [*late[:BATCH], *left[:BATCH]]:
        try:
            look(row)
        except Exception as problem:  # a part that breaks on one call
            log.error("%s cannot be looked at: %s", row.pk, origin(problem))


def purge() -> int:
    """Answers are kept no longer than the keys by which they are asked for again; how many were forgotten.
    The rows stay. Repeatable."""
    edge = timezone.now() - timedelta(hours=conf().IDEMPOTENCY_KEEP_HOURS)
    old = PendingRequest.objects.filter(created_at__lt=edge).exclude(terminal_body="")
    ids = list(old.order_by("created_at").values_list("pk", flat=True)[:PURGE_BATCH])
    rows = PendingRequest.objects.filter(pk__in=ids)
    return rows.update(terminal_body="", delivered_at=Coalesce("delivered_at", timezone.now()))


def _go_on(pending: PendingRequest, about: Subject, *, late: bool) -> None:
    """Nothing is asked: the call has ended, or was run. Raises Lost, and what a run raises."""
    standing = about.stands(pending.subject)
    if standing is None:
        return ending.end(pending, PendingState.FAILED)
    if late and not standing.done:
        return ending.end(pending, PendingState.FAILED if pending.terminal_error else subjects.late(pending))
    verdict = about.verdict(pending, standing)
    if verdict is not None:
        return ending.end(pending, verdict.to, detail=verdict.detail)
    agent = agents.of_owner(pending.owner)
    if not standing.done and (agent is None or not agent.active):
        return ending.end(pending, PendingState.REVOKED)
    return _run(pending, late=late)


def _run(pending: PendingRequest, *, late: bool) -> None:
    """The call was carried out by this run, or asks for a person once more. Raises Lost while another run
    has the lease, and whatever leaves the outcome open; the lease is then released."""
    if not moves.claim(pending, late=late):
        raise Lost
    try:
        call = keeping.held(pending)
        done = deferring.runner(call.operation)(call, _turn(pending, call))
    except Lost:
        raise
    except (StateConflict, ProviderUnavailable):
        moves.release(pending)
        raise
    except Exception as problem:
        log.error("%s was run and failed: %s", pending.pk, origin(problem))
        moves.release(pending, error=FAILED)
        raise Lost from None
    if isinstance(done, StillWaits):
        moves.release(pending)
        moves.again(pending)


def _turn(pending: PendingRequest, call: Call) -> Turn:
    def seal(answer: Answer) -> None:
        moves.resolve(pending, answer.status, tickets.leave_out(answer.body.decode()))

    return Turn(claim=call.claim, seal=seal, still=lambda: moves.renew(pending))
