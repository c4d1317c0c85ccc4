"""One-time codes: when one may be sent, and whether what somebody brings is it.

A code confirms that the agent's user can read the buyer's mail or messages; it identifies
nobody (decision 40). Count first, compare afterwards: whatever dies in between has cost an
attempt, and a hundred guesses at once are five.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Q, Sum
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from interventions import codes, masking, moves, phones, tallies
from interventions.errors import StateConflict
from interventions.models import Intervention
from interventions.moves import PERSON, SETTLED
from interventions.negotiation import CODED
from interventions.outcomes import Answer, Answered
from interventions.ports import ports
from interventions.states import OPEN, InterventionState
from interventions.tallies import Cap, Spacing

SEND_CODE = "interventions.send_code"
DESTINATION = "one-time code destination"
OWNER = "one-time code owner"
CODES = "one-time codes"
"""Who ends an Intervention whose attempts are used up."""

GMAIL = ("gmail.com", "googlemail.com")
"""Two names of one provider, whose mailboxes have as many spellings as places for a dot."""

HOUR_SECONDS, DAY_SECONDS = 3600, 24 * 3600
OWNER_GRAIN_SECONDS = 15 * 60
"""An owner's sends are many: they are kept as numbers of a quarter of an hour."""

log = logging.getLogger("agentic.interventions")


@dataclass(frozen=True, slots=True)
class Reach:
    """Where codes go: how, the keyed hash of the destination, and as much of it as may be shown."""

    channel: str
    digest: str
    hint: str


@dataclass(frozen=True, slots=True)
class Counted:
    """An attempt that is paid for. `comparable` is False when the destination had too many."""

    row: Intervention
    at: datetime
    comparable: bool


def digest_of(destination: str) -> str:
    """The keyed hash under which a destination's caps are counted; "" for none.

    Spellings that reach the same mailbox count together: letter case, what follows a plus, and the
    dots that Gmail does not read. So do those of one phone.
    """
    text = phones.counted(phones.e164(destination)) or "".join(destination.split()).casefold()
    local, at, domain = text.rpartition("@")
    name = local.partition("+")[0] or local
    if domain in GMAIL:
        name, domain = name.replace(".", ""), GMAIL[0]
    plain = f"{name}@{domain}" if at else text
    return ports().digest(plain.encode("utf-8", "replace"), DESTINATION) if plain else ""


def reach(channel: str, destination: str) -> Reach | None:
    """The destination as an Intervention keeps it; None for none."""
    if not destination.strip():
        return None
    return Reach(channel, digest_of(destination), masking.hint(destination)[:255])


def history(subject: str) -> tuple[int, datetime | None]:
    """How many codes were tried for the subject, over all its interventions, and when the last
    of those failed."""
    failed = Q(state=InterventionState.FAILED)
    rows = Intervention.objects.filter(subject=subject, kind__in=CODED)
    found = rows.aggregate(tried=Sum("attempts"), failed_at=Max("updated_at", filter=failed))
    return found["tried"] or 0, found["failed_at"]


def queue(row: Intervention, now: datetime, to: Reach | None = None) -> bool:
    """A new challenge runs and its code will be sent, to where `to` says or where the last one
    went; any earlier code is void. Another destination gives no new attempts and no new sends.

    False, and nothing changed, when no challenge may start any more, when it is too soon or
    when the destination was written to, or its owner had us write, too often (T12). `row` is
    open and locked; must run inside a transaction.
    """
    rules = ports().rules
    due_at = next_send_at(row)
    if due_at is None or now < due_at or row.expires_at <= now:
        return False
    to = to or Reach(row.channel, row.destination_digest, row.hint)
    if not _take_send(row, to, now):
        return False
    columns = {
        "channel": to.channel,
        "destination_digest": to.digest,
        "hint": to.hint,
        "challenge": row.challenge + 1,
        "challenge_expires_at": now + timedelta(seconds=rules.challenge_seconds),
        "code_digest": "",
        "code_salt": "",
        "sends": row.sends + 1,
        "last_sent_at": now,
        "updated_at": now,
    }
    if not Intervention.objects.filter(pk=row.pk, state__in=OPEN, challenge=row.challenge).update(**columns):
        raise StateConflict
    for name, value in columns.items():
        setattr(row, name, value)
    ports().outbox.add(SEND_CODE, {"intervention": row.pk, "challenge": row.challenge})
    return True


def next_send_at(row: Intervention) -> datetime | None:
    """When the row may have another code, if its destination may; None: never."""
    if row.attempts_left == 0 or row.sends >= ports().rules.sends_per_challenge:
        return None
    due_at = (row.last_sent_at or row.created_at) + timedelta(seconds=_gap(row.sends))
    return due_at if due_at < row.expires_at else None


def unsend(row: Intervention) -> None:
    """A code that was never drawn no longer counts as sent: quick changes of a cart are one mail.

    `row` is locked, read under the lock, and about to end. Must run inside a transaction.
    """
    if undrawn(row) and row.last_sent_at:
        sends, owner = sends_of(row)
        tallies.give_back(owner, row.last_sent_at, grain_seconds=OWNER_GRAIN_SECONDS)
        tallies.give_back(sends, row.last_sent_at)


def undrawn(row: Intervention) -> bool:
    """A challenge runs and its code was not drawn yet: nobody was written to."""
    return bool(row.last_sent_at) and not row.code_digest and row.running(timezone.now())


@sensitive_variables("code")
def new_code(row: Intervention) -> str | None:
    """A code for the row's current challenge; the one before it is void. No counter changes.

    None when that challenge is over or another one has begun. No transaction may be open:
    what is stored must be there when the person reads the code.
    """
    code, salt = codes.draw(ports().rules.code_digits), codes.new_salt()
    current = Intervention.objects.filter(
        pk=row.pk, state__in=OPEN, challenge=row.challenge, challenge_expires_at__gt=timezone.now()
    )
    with transaction.atomic(durable=True):
        kept = current.update(code_digest=_seal(row, code, salt), code_salt=salt)
    return code if kept else None


def count(row: Intervention, claim: str = "") -> Counted | None:
    """An attempt at the row's challenge is paid for; None when there is none left or it is over.

    The database decides, by one conditional UPDATE, who gets the last one (T16). Once the
    destination has had too many failures, nothing is compared for it any more, and the
    attempts of the row are used up as ever (T14). `claim` names the request, which always brings
    the same code: when its attempt was the last that was counted, it has been paid. Commits.
    """
    now, rules = timezone.now(), ports().rules
    cap = Cap(rules.attempts_per_destination, rules.destination_window_seconds)
    current = Intervention.objects.filter(
        pk=row.pk, state__in=OPEN, challenge=row.challenge, challenge_expires_at__gt=now
    )
    unpaid = current.exclude(attempted_by=claim) if claim else current
    with transaction.atomic(durable=True):
        counted = unpaid.filter(attempts__lt=F("attempts_allowed")).update(
            attempts=F("attempts") + 1, attempted_by=claim, attempted_at=now, updated_at=now
        )
        found = current.first()
        if found is None or not (counted or (claim and found.attempted_by == claim)):
            return None
        if counted:
            return Counted(found, now, tallies.take(keys_of(found)[0], (cap,), now))
    paid_at = found.attempted_at or now
    return Counted(found, paid_at, tallies.taken(keys_of(found)[0], paid_at))


@sensitive_variables("code")
def judge(counted: Counted, code: str, *, actor: str) -> Answered:
    """The counted attempt's outcome is recorded: passed once, or wrong, or failed with the last.

    A right one gives its count back. What a person did at a page of ours, whoever waits for them
    learns. Commits.
    """
    row = counted.row
    right = counted.comparable and compare(row, code)
    with transaction.atomic(durable=True):
        ended = right and _pass(counted, actor)
        if not ended and row.attempts_left == 0:
            _fail(row)
        if actor == PERSON and row.state not in OPEN:
            ports().outbox.add(SETTLED, {"subject": row.subject})
    if ended:
        return Answered(Answer.RIGHT)
    return Answered(Answer.WRONG, row.attempts_left)


@sensitive_variables("code")
def compare(row: Intervention, code: str) -> bool:
    """Whether it is the code of this challenge, for what the row is bound to, in constant time."""
    return codes.same(row.code_digest, _seal(row, code, row.code_salt))


def keys_of(row: Intervention) -> tuple[str, str]:
    """The tallies of the row's destination: failures and sends."""
    return f"failures:{row.destination_digest}", f"sends:{row.destination_digest}"


def sends_of(row: Intervention) -> tuple[str, str]:
    """The tallies that the row's sends count in."""
    return send_tallies(row.destination_digest, row.owner)


def send_tallies(destination_digest: str, owner: str) -> tuple[str, str]:
    """The tallies that a send counts in: its destination's and its owner's."""
    return f"sends:{destination_digest}", f"owner:{ports().digest(owner.encode(), OWNER)}"


def _take_send(row: Intervention, to: Reach, now: datetime) -> bool:
    """One more send is counted for destination and owner, or nothing is: a cap is reached."""
    rules = ports().rules
    sends, owner = send_tallies(to.digest, row.owner)
    tallies.hold((sends, owner), now)
    caps = (
        Cap(rules.sends_per_destination_hour, HOUR_SECONDS),
        Cap(rules.sends_per_destination_day, DAY_SECONDS),
    )
    if not tallies.take(sends, caps, now, spacing=Spacing(rules.destination_gaps_seconds, HOUR_SECONDS)):
        return False
    quota = (Cap(rules.sends_per_owner_day, DAY_SECONDS),)
    if not tallies.take(owner, quota, now, grain_seconds=OWNER_GRAIN_SECONDS):
        tallies.give_back(sends, now)
        log.warning("%s: no code was sent, its owner's quota of the day is used up", row.pk)
        return False
    return True


def _gap(sends: int) -> int:
    gaps = ports().rules.send_gaps_seconds
    return gaps[min(sends, len(gaps)) - 1] if gaps and sends else 0


@sensitive_variables("code")
def _seal(row: Intervention, code: str, salt: str) -> str:
    bound_to = (row.pk, str(row.challenge), row.binding, row.destination_digest)
    return codes.seal(code, salt=salt, bound_to=bound_to, keyed_hash=ports().digest)


def _pass(counted: Counted, actor: str) -> bool:
    """Nobody passed it before, and the code is still the challenge's own."""
    row = counted.row
    only = {
        "challenge": row.challenge,
        "code_digest": row.code_digest,
        "challenge_expires_at__gt": timezone.now(),
    }
    try:
        _end(row, InterventionState.PASSED, actor=actor, note="code", only=only, attempts=F("attempts") - 1)
    except StateConflict:
        return False
    tallies.give_back(keys_of(row)[0], counted.at)
    return True


def _fail(row: Intervention) -> None:
    try:
        _end(row, InterventionState.FAILED, actor=CODES, note="no attempt left")
    except StateConflict:
        return  # somebody passed, voided or ended it meanwhile


def _end(row: Intervention, to: InterventionState, **move: Any) -> None:
    """As `moves.move`, also when a browser has entered since the row was read."""
    try:
        moves.move(row, to, **move)
    except StateConflict:
        if row.state != InterventionState.PENDING:
            raise
        row.state = InterventionState.INTERACTING
        moves.move(row, to, **move)
