"""What operators do with what a person is asked: send the code again, or end it. Each calls what
agents' requests call, on the locked session, so that the agent sees it at once."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from checkout import authentication, handing_over, moves, obligations
from checkout.asked import too_late
from checkout.errors import NoPendingIntervention, SessionClosed
from checkout.models import CheckoutSession
from checkout.services import is_open
from checkout.states import SessionState
from interventions import clarifications, services
from interventions.models import Intervention
from interventions.negotiation import APPROVAL, HANDOFF, QUESTION, Kind
from interventions.states import OPEN


class NotSent(Exception):
    """A cap says no, and nothing was changed. For operators: agents are told in the session."""

    code = "rate_limited"
    message = (
        "No code can be sent now: too many were sent or tried, for this session, this mailbox or this agent."
    )


def send_again(row: Intervention, *, actor: str) -> CheckoutSession:
    """A new code is on its way to where the earlier one went, which is void.

    No counter starts anew, and no cap is lifted: raises NotSent when one says no. Raises
    NotFound, SessionClosed, CompletionRunning, and NoPendingIntervention when no code is asked for
    by this row any more. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.locked(row.subject)
        if still_open := is_open(session):
            asked = obligations.pending(session)
            if asked is None or asked["id"] != row.pk or asked["kind"] != Kind.OTP:
                raise NoPendingIntervention
            sent = services.resend(session.id, actor=actor)
            if sent.limited:
                raise NotSent
            session.quote["pending"] = {**asked, **sent.as_dict()}
            CheckoutSession.objects.filter(pk=session.pk).update(quote=session.quote)
    if not still_open:
        raise SessionClosed
    return session


def end(row: Intervention, *, actor: str) -> CheckoutSession:
    """What the row asks is over, whatever its kind, and the agent sees it expired; the next update, or
    the next complete where the merchant has to approve, asks anew. A payment that waits for it is
    given up, and nothing is charged.

    Raises NotFound, SessionClosed, CompletionRunning, and NoPendingIntervention when it has ended
    already, so that a repeat changes nothing. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.locked(row.subject)
        waits = authentication.awaited(session)
        if waits is not None and waits["id"] == row.pk:
            still_open = True
            authentication.give_up(session, actor=actor, code="expired", problem=too_late())
        elif still_open := is_open(session):
            if not Intervention.objects.filter(pk=row.pk, state__in=OPEN).exists():
                raise NoPendingIntervention
            asked = obligations.pending(session)
            if row.kind == QUESTION:
                clarifications.withdraw(session.id, actor=actor)
            elif asked is not None and asked["id"] == row.pk:
                obligations.lapse(session, actor=actor)
            else:
                services.close_all(session.id, actor=actor, kind=row.kind)
                _unanswered(session, row)
                if row.kind == HANDOFF and session.handed_over:
                    moves.move(session, SessionState.CANCELED, actor=actor, note="handoff ended")
                    obligations.drop(session, actor=actor)
    if not still_open:
        raise SessionClosed
    return session


def _unanswered(session: CheckoutSession, row: Intervention) -> None:
    """The agent sees that the merchant, or the person it was handed over to, did nothing in time."""
    member, waiting = {
        APPROVAL: ("approval", obligations.approval(session)),
        HANDOFF: (handing_over.QUOTED, handing_over.quoted(session)),
    }.get(row.kind, ("", None))
    if waiting is not None and waiting["id"] == row.pk:
        session.quote[member] = {**waiting, "expires_at": timezone.now().isoformat()}
        CheckoutSession.objects.filter(pk=session.pk).update(quote=session.quote)
