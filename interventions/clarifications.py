"""Questions to the agent that waits for a subject, and its answers (AA-100 to AA-114).

There is one open question at a time and at most five in all, whoever asks: a rule, an operator, or the
person at our page. Answers are the agent's own words: untrusted, and nothing but what a rule said is
decided by them.

Locks are taken in the order intervention, clarification. Every change wakes whoever waits for the subject,
in the transaction that makes it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from interventions import masking, moves, questions
from interventions.errors import (
    AlreadyAsking,
    AnsweredAlready,
    Invalid,
    NobodyAnswers,
    NothingAsked,
    TooManyRounds,
)
from interventions.models import Clarification, Intervention
from interventions.moves import SETTLED, SYSTEM
from interventions.negotiation import CODED, QUESTION
from interventions.ports import ports
from interventions.questions import LONGEST_ANSWER, MOST_ROUNDS, Outcome, Rule
from interventions.states import OPEN, InterventionState

log = logging.getLogger("agentic.interventions")

TIMEOUT_SECONDS = 120
"""So long an agent may think when nobody says otherwise."""

SPARE_SECONDS = 300

BATCH = 500

_ENDS = {
    Outcome.CONTINUE: InterventionState.PASSED,
    # The agent has done its part; what is left is the merchant's to say.
    Outcome.ESCALATE: InterventionState.PASSED,
    Outcome.DENY: InterventionState.DENIED,
    Outcome.EXPIRE: InterventionState.EXPIRED,
}


def open_of(subject: str) -> Clarification | None:
    """The question that the agent can answer now, if there is one. Changes nothing."""
    rows = Clarification.objects.filter(subject=subject, state=Clarification.OPEN)
    return rows.filter(expires_at__gt=timezone.now()).first()


def ask(
    subject: str,
    question: str,
    *,
    source: str,
    asked_by: str = "",
    options: Sequence[str] = (),
    outcomes: Mapping[str, str] | None = None,
    timeout_seconds: int | None = None,
    intervention_id: str = "",
    binding: str = "",
    will_wait: bool = False,
) -> Clarification:
    """The agent is asked: whatever it is told of the subject next is the question.

    `outcomes` says what answers do. `will_wait`: the caller knows that the agent takes questions, and makes
    it wait in the same transaction. Raises Invalid, TooManyRounds after five (AA-110), AlreadyAsking, and
    NobodyAnswers when no agent waits that takes questions (AA-101). Not repeatable: each is a round. A
    transaction may be open; it stays usable.
    """
    problem = questions.flaw(question) or questions.flaw_of_options(options)
    if problem := problem or questions.flaw_of_outcomes(outcomes or {}, options):
        raise Invalid(problem)
    seconds = TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds
    if not questions.SHORTEST_SECONDS <= seconds <= questions.LONGEST_SECONDS:
        shortest, longest = questions.SHORTEST_SECONDS, questions.LONGEST_SECONDS
        raise Invalid(f"An agent may think for {shortest} to {longest} seconds.")
    if not will_wait and not ports().answers(subject):
        raise NobodyAnswers
    time_out(subject)
    now = timezone.now()
    row = Clarification(
        intervention_id=intervention_id or None,
        subject=subject,
        number=_rounds(subject) + 1,
        source=source,
        asked_by=asked_by[:255],
        question=question.strip(),
        options=list(options),
        outcomes=dict(outcomes or {}),
        binding=binding,
        asked_at=now,
        expires_at=now + timedelta(seconds=seconds),
    )
    if row.number > MOST_ROUNDS:
        raise TooManyRounds
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            ports().wake(subject)
    except IntegrityError:
        # Somebody asked at the same time: one question at a time, and each number once.
        raise AlreadyAsking from None
    return row


def ask_about(
    subject: str, rule: Rule, *, binding: str, amount: int, currency: str, owner: str
) -> Clarification:
    """The agent is asked what `rule` wants to know about exactly what `binding` names; the answer ends the
    intervention that waits for it as the rule says. The caller makes the agent wait in the same transaction.

    Raises AlreadyAsking and TooManyRounds, and nothing is changed. Inside the caller's transaction, with the
    subject locked.
    """
    now = timezone.now()
    ends = now + timedelta(seconds=rule.timeout_seconds)
    with transaction.atomic():
        row = Intervention(
            subject=subject,
            kind=QUESTION,
            binding=binding,
            amount=amount,
            currency=currency,
            owner=owner,
            challenge=1,
            challenge_expires_at=ends,
            attempts_allowed=1,
            # The question ends it; this is for one that nothing ends.
            expires_at=ends + timedelta(seconds=SPARE_SECONDS),
            created_at=now,
            updated_at=now,
        )
        if _is_asked(subject):
            raise AlreadyAsking
        moves.begin(row, actor=SYSTEM, note=rule.name[:255])
        return ask(
            subject,
            rule.question,
            source=Clarification.RULE,
            asked_by=rule.name,
            options=rule.options,
            outcomes=rule.outcomes,
            timeout_seconds=rule.timeout_seconds,
            intervention_id=row.pk,
            binding=binding,
            will_wait=True,
        )


@sensitive_variables("text", "said")
def answer(subject: str, text: object) -> Clarification:
    """The open question has this answer, and what its rule says about it is done.

    Repeatable: the same answer again changes nothing, also once the next question is open that the agent
    was not shown yet. Raises Invalid (AA-106, AA-114), AnsweredAlready for another answer than the first,
    NothingAsked when no question is open, or it came too late (AA-109). A transaction may be open.
    """
    said = _read(subject, text)
    with transaction.atomic():
        row = _meant(subject)
        locked = _lock(row)
        now = timezone.now()
        given = Clarification.objects.filter(pk=row.pk, state=Clarification.OPEN, expires_at__gt=now)
        matched = said in row.options
        if not given.update(state=Clarification.ANSWERED, answer=said, matched=matched, answered_at=now):
            row.refresh_from_db()
            return _again(row, said)
        row.refresh_from_db()
        _conclude(row, locked, actor="agent")
        _tell(subject)
    return row


def delivered(clarification: Clarification) -> None:
    """The agent was shown the question; when it was first is kept. Repeatable."""
    now = timezone.now()
    if clarification.delivered_at is None:
        Clarification.objects.filter(pk=clarification.pk, delivered_at=None).update(delivered_at=now)
        clarification.delivered_at = now


def withdraw(subject: str, *, only: str = "", actor: str = SYSTEM) -> bool:
    """No question is open any more, or not the one of that id; whether one was. It stays a round.

    Repeatable. A transaction may be open.
    """
    with transaction.atomic():
        row = Clarification.objects.filter(subject=subject, state=Clarification.OPEN).first()
        if row is None or only not in ("", row.pk):
            return False
        locked = _lock(row)
        if not _end(row, Clarification.WITHDRAWN):
            return False
        if locked is not None:
            moves.move(locked, InterventionState.CANCELED, actor=actor, note="withdrawn")
        _tell(subject)
    return True


@sensitive_variables("why", "said")
def replaced(subject: str, why: object = None) -> None:
    """The agent has answered with another request (AA-107), and said `why`, or not. It is no answer to what a
    rule wants to know: that is asked again where it still applies. Raises Invalid, and NothingAsked when no
    question is open. A transaction may be open."""
    said = "" if why is None else _read(subject, why)
    with transaction.atomic():
        row = open_of(subject)
        if row is None:
            raise NothingAsked
        locked = _lock(row)
        if not _end(row, Clarification.REPLACED, answer=said, answered_at=timezone.now()):
            raise NothingAsked
        if locked is not None:
            moves.move(locked, InterventionState.CANCELED, actor="agent", note="another request")
        _tell(subject)


def time_out(subject: str) -> bool:
    """The subject's question is over when its time is; whether it just ended. Repeatable, also at the same
    time elsewhere, and beside an answer: one of them counts. A transaction may be open."""
    rows = Clarification.objects.filter(subject=subject, state=Clarification.OPEN)
    row = rows.filter(expires_at__lte=timezone.now()).first()
    return row is not None and _time_out(row)


def time_out_overdue(now: datetime | None = None) -> int:
    """Questions that nobody answered in time are over, at most BATCH; how many. Repeatable. No transaction
    may be open."""
    late = Clarification.objects.filter(state=Clarification.OPEN, expires_at__lte=now or timezone.now())
    return sum(_time_out(row) for row in late.order_by("expires_at")[:BATCH])


def gave_up(subject: str, since: datetime) -> bool:
    """The agent, which has waited since then, kept silent, and that ends what waits (AA-111)."""
    # A rule asks before the call is known to wait, so what counts is until when it could be answered.
    rows = Clarification.objects.filter(
        subject=subject, state=Clarification.UNANSWERED, expires_at__gte=since
    )
    return any(outcome_of(row) == Outcome.EXPIRE for row in rows)


def outcome_of(row: Clarification) -> Outcome | None:
    """What the answer, or the silence, does; None while nothing does: it is open, or was withdrawn."""
    said = {Clarification.ANSWERED: row.answer, Clarification.UNANSWERED: None}
    if row.state not in said:
        return None
    return questions.outcome(row.outcomes, row.options, said[row.state], unanswered=ports().unanswered)


def history(subject: str) -> list[Clarification]:
    """Every round, the first one first."""
    return list(Clarification.objects.filter(subject=subject).order_by("number"))


def rounds_left(subject: str) -> int:
    """How many more questions can be asked."""
    return max(0, MOST_ROUNDS - _rounds(subject))


def export(subject: str) -> list[dict[str, Any]]:
    """Every round with all that is known of it, as JSON can carry it (AA-113)."""
    return [
        {
            "number": row.number,
            "source": row.source,
            "asked_by": row.asked_by,
            "question": row.question,
            "options": row.options,
            "timeout": round((row.expires_at - row.asked_at).total_seconds()),
            "state": row.state,
            "asked_at": row.asked_at.isoformat(),
            "delivered_at": row.delivered_at.isoformat() if row.delivered_at else None,
            "answer": row.answer,
            "matched": row.matched,
            "answered_at": row.answered_at.isoformat() if row.answered_at else None,
        }
        for row in history(subject)
    ]


def responses(subject: str) -> list[dict[str, Any]]:
    """What the agent answered and when, in seconds since 1970: the shape that older texts of AAuth store."""
    return [
        {"response": row.answer, "timestamp": int(row.answered_at.timestamp())}
        for row in history(subject)
        if row.state == Clarification.ANSWERED and row.answered_at is not None
    ]


def _rounds(subject: str) -> int:
    return Clarification.objects.filter(subject=subject).count()


def _read(subject: str, text: object) -> str:
    """The answer as it is kept. Raises Invalid."""
    if not isinstance(text, str):
        raise Invalid("An answer is a text.")
    said = text.strip()
    if not said or len(said) > LONGEST_ANSWER:
        raise Invalid(f"An answer has 1 to {LONGEST_ANSWER} characters.")
    if "\x00" in said or any("\ud800" <= letter <= "\udfff" for letter in said):
        raise Invalid("There is a character that cannot be kept.")
    coded = Intervention.objects.filter(subject=subject, kind__in=CODED, state__in=OPEN)
    if masking.without_codes(said, ports().rules.code_digits) != said and coded.exists():
        raise Invalid("This may hold the buyer's one-time code, which is never an answer to a question.")
    return said


def _meant(subject: str) -> Clarification:
    """The question that an answer is to: the newest that the agent was shown. Raises NothingAsked."""
    newest = list(Clarification.objects.filter(subject=subject).order_by("-number")[:2])
    if not newest:
        raise NothingAsked
    row, *before = newest
    # Nobody answers what they were not shown: this is for the question before, once more.
    unseen = row.state == Clarification.OPEN and row.delivered_at is None
    return before[0] if unseen and before else row


def _again(row: Clarification, said: str) -> Clarification:
    """The question was answered so before. Raises AnsweredAlready, or NothingAsked when it never was."""
    if row.state != Clarification.ANSWERED:
        raise NothingAsked
    if row.answer != said:
        raise AnsweredAlready
    return row


def _lock(row: Clarification) -> Intervention | None:
    """What the question is part of, locked, while that is open."""
    if row.intervention_id is None:
        return None
    rows = Intervention.objects.select_for_update().filter(pk=row.intervention_id, state__in=OPEN)
    return rows.first()


def _time_out(row: Clarification) -> bool:
    with transaction.atomic():
        locked = _lock(row)
        if not _end(row, Clarification.UNANSWERED):
            return False
        _conclude(row, locked, actor=SYSTEM)
        _tell(row.subject)
    log.info("%s: the agent did not answer in time", row.pk)
    return True


def _end(row: Clarification, state: str, **columns: Any) -> bool:
    """The open question is in `state`; False when somebody else was quicker."""
    rows = Clarification.objects.filter(pk=row.pk, state=Clarification.OPEN)
    if not rows.update(state=state, **columns):
        return False
    row.state = state
    return True


def _conclude(row: Clarification, locked: Intervention | None, *, actor: str) -> None:
    """What the question is part of ends as the answer, or the silence, says."""
    if locked is None:
        return
    outcome = outcome_of(row)
    assert outcome is not None
    moves.move(locked, _ENDS[outcome], actor=actor, note=outcome)


def _tell(subject: str) -> None:
    """Whoever waits for the subject looks again, and so does whoever sells."""
    ports().outbox.add(SETTLED, {"subject": subject})
    ports().wake(subject)


def _is_asked(subject: str) -> bool:
    return Clarification.objects.filter(subject=subject, state=Clarification.OPEN).exists()
