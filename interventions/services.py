"""Verbs on interventions: ensure, answer, resend, close. A subject is opaque text.

Verbs that say "inside the caller's transaction" expect the row that `subject` names to be
locked by the caller, so that two of them never meet. Locks are taken in the order
intervention, tally.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from interventions import codes, moves, tallies
from interventions.channels.by_name import EMAIL
from interventions.errors import NotFound, NothingPending, Over, StateConflict
from interventions.models import Clarification, Intervention
from interventions.moves import SYSTEM
from interventions.negotiation import APPROVAL, CODED, HANDOFF, QUESTION, Kind
from interventions.outcomes import Answer, Answered, Snapshot
from interventions.ports import ports
from interventions.providers import otp
from interventions.states import OPEN, STANDING, InterventionState

__all__ = [
    "Answer",
    "Answered",
    "Snapshot",
    "answer",
    "clear_caps",
    "close_all",
    "conclude",
    "decide",
    "denied",
    "ensure",
    "exhausted",
    "expire_overdue",
    "failed",
    "open_of",
    "passed",
    "refused",
    "resend",
    "snapshot",
    "standing",
    "take_back",
]

log = logging.getLogger("agentic.interventions")

BATCH = 500

NOES = (InterventionState.DENIED, InterventionState.FAILED)
"""How a page ends that shall not be opened again and again."""


def ensure(
    subject: str,
    kind: str,
    *,
    binding: str,
    amount: int,
    currency: str,
    destination: str,
    channel: str = EMAIL,
    owner: str = "",
    actor: str = SYSTEM,
    within_seconds: float | None = None,
) -> Snapshot:
    """A person is asked for `kind` on exactly what `binding` names, or has passed it.

    What is open or passed for another binding is canceled (decision 21). Where no challenge
    runs, a fresh one is on its way, unless a cap says no: the snapshot is then `limited`. After
    wrong codes to the cap the state is `failed`: for a cool-down, or for good once all attempts
    of the subject are used (T13). Without a destination nothing is sent (decision 19). `channel`
    is how a code gets there. `owner` is whom the subject belongs to, and whose quota of sends it
    is; `within_seconds` ends it sooner than the rules do. Repeatable: a running challenge stays as it is.
    Inside the caller's transaction.
    """
    _inside_a_transaction()
    now = timezone.now()
    seconds = _seconds(kind, within_seconds)
    row, void = _standing(subject, kind, binding, now)
    reach = otp.reach(channel, destination)
    _cancel(void, actor, moves.VOIDED, next_send=otp.send_tallies(reach.digest if reach else "", owner))
    if row is None:
        row = Intervention(
            subject=subject,
            kind=kind,
            binding=binding,
            amount=amount,
            currency=currency,
            owner=owner,
            expires_at=now + timedelta(seconds=seconds),
            created_at=now,
            updated_at=now,
        )
        allowed = _codes(row, reach, now) if kind in CODED else _page(row)
        if not allowed:
            return snapshot(_last(subject, kind), limited=True)
        moves.begin(row, actor=actor)
    if row.state == InterventionState.PASSED or kind not in CODED or not row.destination_digest:
        return snapshot(row)
    # With its last attempt being judged, a running challenge stays until it is over.
    return snapshot(
        row, limited=row.attempts_left == 0 or not (row.running(now) or otp.queue(row, now, reach))
    )


def passed(subject: str, kind: str, binding: str) -> bool:
    """A person did it, for exactly what `binding` names."""
    done = InterventionState.PASSED
    return Intervention.objects.filter(subject=subject, kind=kind, binding=binding, state=done).exists()


def standing(subject: str, kind: str, binding: str) -> Snapshot | None:
    """How `kind` stands for exactly what `binding` names: open, passed or denied; None: nobody was
    asked. What stands for another binding is canceled (decision 21). Inside the caller's transaction."""
    _inside_a_transaction()
    row, void = _standing(subject, kind, binding, timezone.now())
    _cancel(void, SYSTEM, moves.VOIDED)
    if row is None:
        rows = Intervention.objects.filter(subject=subject, kind=kind, binding=binding)
        row = rows.filter(state=InterventionState.DENIED).first()
    return snapshot(row) if row else None


def decide(intervention_id: str, *, approved: bool, actor: str, reason: str) -> None:
    """The merchant has said yes or no to what is exactly this (decision 23).

    Raises NotFound, and Over when it was decided, voided or too late. Inside the caller's
    transaction.
    """
    _inside_a_transaction()
    row = Intervention.objects.filter(pk=intervention_id, kind=APPROVAL).first()
    if row is None:
        raise NotFound
    to = InterventionState.PASSED if approved else InterventionState.DENIED
    in_time = {"challenge_expires_at__gt": timezone.now()}
    try:
        moves.move(row, to, actor=actor, note=reason[:255], only=in_time)
    except StateConflict:
        raise Over(row.state) from None


def failed(intervention_id: str) -> bool:
    """Its attempts are used up, and none was right."""
    return Intervention.objects.filter(pk=intervention_id, state=InterventionState.FAILED).exists()


def denied(intervention_id: str) -> bool:
    """Somebody said no to it; what only ran out of time, or was void, was not denied."""
    return Intervention.objects.filter(pk=intervention_id, state=InterventionState.DENIED).exists()


def open_of(subject: str) -> Snapshot | None:
    """What a person can do for the subject now, if anything. Changes nothing."""
    now = timezone.now()
    rows = Intervention.objects.filter(subject=subject, state__in=OPEN).exclude(kind=QUESTION)
    for row in rows.order_by("created_at"):
        if not row.over(now):
            silent = bool(row.destination_digest) and not row.running(now)
            stuck = row.sends == 0 or row.sends >= ports().rules.sends_per_challenge
            return snapshot(row, limited=row.attempts_left == 0 or (silent and stuck))
    return None


def close_all(subject: str, *, actor: str, kind: str = "", but: Collection[str] = ()) -> int:
    """Nobody is asked for anything any more, or for `kind`, or for all kinds `but` some; how many were
    open. What was passed stays passed.

    Repeatable. Inside the caller's transaction.
    """
    _inside_a_transaction()
    only = {"kind": kind} if kind else {}
    found = Intervention.objects.select_for_update().filter(subject=subject, state__in=OPEN, **only)
    rows = list(found.exclude(kind__in=but) if but else found)
    _cancel(rows, actor, "closed")
    return len(rows)


def take_back(subject: str, *, actor: str) -> int:
    """What a person had confirmed for the subject counts no more, because they said no to it after all; how
    much that was. Repeatable. Inside the caller's transaction."""
    _inside_a_transaction()
    done = Intervention.objects.select_for_update().filter(subject=subject, state=InterventionState.PASSED)
    rows = list(done.exclude(kind__in=(APPROVAL, QUESTION)))
    _cancel(rows, actor, "refused afterwards")
    return len(rows)


def resend(
    subject: str, *, actor: str, channel: str = "", destination: str = "", kind: str = Kind.OTP
) -> Snapshot:
    """A new code is on its way and the earlier one is void, or nothing changed: `limited`.

    With a `channel`, it goes to that `destination`. No counter starts anew (T14). Raises
    NothingPending when no code was ever asked for. Inside the caller's transaction.
    """
    _inside_a_transaction()
    now = timezone.now()
    rows = Intervention.objects.select_for_update().filter(subject=subject, kind=kind)
    row = rows.filter(state__in=OPEN).first() or rows.first()
    if row is None:
        raise NothingPending
    to = otp.reach(channel, destination) if channel else None
    sent = row.state in OPEN and bool(row.destination_digest) and otp.queue(row, now, to)
    if sent:
        log.info("%s: a new code was asked for by %s", row.pk, actor)
    return snapshot(row, limited=not sent)


@sensitive_variables("code", "said")
def answer(
    subject: str, kind: str, code: object, *, claim: str = "", actor: str = "agent", only: str = ""
) -> Answered:
    """The code was compared once, at most, and its outcome recorded (decision 19).

    The attempt is counted and committed before it is compared, whatever happens afterwards.
    Nothing is counted for a malformed or late one, or when nothing like it is pending. A
    destination with too many failures answers as to a wrong code (T14). A repeat of a right
    code finds nothing pending. `claim` names the request that brings it: the retry of one that
    died after its attempt was counted pays no second one, so under one claim comes one code. `only`
    is the intervention it is for: whatever else the subject has been asked since is not answered.
    No transaction may be open (RuntimeError).
    """
    said = codes.read(code)
    if said is None:
        return Answered(Answer.MALFORMED)
    pending = list(Intervention.objects.filter(subject=subject, state__in=OPEN))
    row = next((row for row in pending if row.kind == kind and only in ("", row.pk)), None)
    if row is None or kind not in CODED:
        return Answered(Answer.OTHER if pending else Answer.NONE)
    if not row.running(timezone.now()):
        return Answered(Answer.EXPIRED)
    counted = otp.count(row, claim)
    return otp.judge(counted, said, actor=actor) if counted else Answered(Answer.WRONG)


def conclude(
    subject: str, kind: str, binding: str, to: InterventionState, *, actor: str, note: str = ""
) -> None:
    """What was asked for exactly this has ended so, by somebody's word that counts; if it is open.

    Repeatable. Inside the caller's transaction.
    """
    _inside_a_transaction()
    rows = Intervention.objects.select_for_update().filter(subject=subject, kind=kind, binding=binding)
    for row in rows.filter(state__in=OPEN):
        moves.move(row, to, actor=actor, note=note[:255])


def refused(subject: str, kind: str, binding: str) -> bool:
    """Somebody said no to exactly this."""
    no = InterventionState.DENIED
    return Intervention.objects.filter(subject=subject, kind=kind, binding=binding, state=no).exists()


def exhausted(subject: str) -> bool:
    """All attempts that a subject has were wrong; no code is sent for it any more (T13)."""
    return otp.history(subject)[0] >= ports().rules.attempts_per_subject


def snapshot(row: Intervention, *, limited: bool = False) -> Snapshot:
    """The row as its subject may show it."""
    return Snapshot(
        id=row.pk,
        kind=row.kind,
        state=str(row.state),
        hint=row.hint,
        expires_at=row.challenge_expires_at,
        attempts_left=row.attempts_left,
        limited=limited,
        challenge=row.challenge,
        provider=row.provider,
    )


def clear_caps(row: Intervention) -> bool:
    """Wrong codes and sends so far no longer count against the row's destination (T15); whether
    there were any. For operators, who log it. Repeatable."""
    found = [tallies.clear(key) for key in otp.keys_of(row)]
    return any(found)


def expire_overdue(now: datetime | None = None) -> int:
    """Interventions that nothing can come of are ended, at most BATCH; how many. A handoff is ended by
    whoever sells, who knows whether money is moving.

    Repeatable, also at the same time elsewhere. Tallies that say nothing any more are gone.
    No transaction may be open.
    """
    now = now or timezone.now()
    silent = Q(challenge_expires_at=None) | Q(challenge_expires_at__lte=now)
    overdue = Intervention.objects.filter(silent, state__in=OPEN, expires_at__lte=now)
    ended = 0
    for row in overdue.exclude(kind=HANDOFF).order_by("expires_at")[:BATCH]:
        with transaction.atomic(durable=True):
            ended += _end(row)
    tallies.purge(now)
    return ended


def _seconds(kind: str, within: float | None) -> float:
    if kind == HANDOFF and within is not None:
        return within  # the purchase says how long: no rule of a single question is about it
    rules = ports().rules
    seconds: float = {
        APPROVAL: rules.approval_seconds,
        Kind.THREE_DS: rules.authentication_seconds,
    }.get(kind, rules.intervention_seconds)
    return seconds if within is None else min(seconds, within)


def _standing(
    subject: str, kind: str, binding: str, now: datetime
) -> tuple[Intervention | None, list[Intervention]]:
    """The row that counts for `binding` and those that are void, all locked; an overdue one has ended."""
    found, void = None, []
    rows = Intervention.objects.select_for_update().filter(subject=subject, kind=kind, state__in=STANDING)
    for row in rows:
        if row.binding != binding:
            void.append(row)
        elif row.state in OPEN and row.over(now):
            _end(row)
        else:
            found = row
    return found, void


def _codes(row: Intervention, reach: otp.Reach | None, now: datetime) -> bool:
    """The new row asks for codes that go there; False when none may be asked for."""
    spent, failed_at = otp.history(row.subject)
    if _barred(spent, failed_at, now):
        return False
    rules = ports().rules
    if reach is not None:
        row.channel, row.destination_digest, row.hint = reach.channel, reach.digest, reach.hint
    row.attempts_allowed = min(rules.attempts_per_challenge, max(0, rules.attempts_per_subject - spent))
    return True


def _page(row: Intervention) -> bool:
    """The new row asks a person to a page; False when they said no, or failed there, too often."""
    noes = Intervention.objects.filter(subject=row.subject, kind=row.kind, state__in=NOES).count()
    row.challenge, row.challenge_expires_at = 1, row.expires_at
    row.attempts_allowed = ports().rules.attempts_per_device if row.kind == Kind.BIOMETRIC else 1
    row.provider = getattr(ports().providers.get(row.kind), "name", "")
    return noes < ports().rules.refusals_per_subject


def _barred(spent: int, failed_at: datetime | None, now: datetime) -> bool:
    """No new code may be asked for: not yet, or never again for this subject."""
    rules = ports().rules
    if spent >= rules.attempts_per_subject:
        return True
    return failed_at is not None and now < failed_at + timedelta(seconds=rules.cooldown_seconds)


def _last(subject: str, kind: str) -> Intervention:
    """The row that failed last, or ended last when its attempts were spent over several."""
    rows = Intervention.objects.filter(subject=subject, kind=kind).order_by("-updated_at")
    return rows.filter(state=InterventionState.FAILED).first() or rows[0]


def _cancel(rows: Sequence[Intervention], actor: str, note: str, *, next_send: Collection[str] = ()) -> None:
    """The locked rows are canceled. `next_send` are the tallies that the transaction needs afterwards."""
    given_back = {key for row in rows if otp.undrawn(row) for key in otp.sends_of(row)}
    if given_back:
        # Two subjects that swap their destinations need the same tallies in opposite orders.
        tallies.hold({*given_back, *next_send}, timezone.now())
    for row in rows:
        if row.kind == QUESTION:
            _withdraw_question(row)
        otp.unsend(row)
        moves.move(row, InterventionState.CANCELED, actor=actor, note=note)


def _withdraw_question(row: Intervention) -> None:
    """Its agent is not asked any more either."""
    asked = Clarification.objects.filter(intervention=row, state=Clarification.OPEN)
    asked.update(state=Clarification.WITHDRAWN)


def _end(row: Intervention) -> bool:
    """An overdue row is expired, or failed when its attempts are used up; False when not ours."""
    spent = row.attempts >= row.attempts_allowed
    to = InterventionState.FAILED if spent else InterventionState.EXPIRED
    try:
        moves.move(row, to, actor=SYSTEM, note="deadline", only={"challenge": row.challenge})
    except StateConflict:
        return False
    return True


def _inside_a_transaction() -> None:
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("This belongs to the transaction that changes its subject.")
