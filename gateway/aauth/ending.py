"""How a parked call ends without having been run: what the agent is told, and that nobody acts any more
(AA-027, AA-031, AA-078)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from checkout import waiting
from checkout.errors import NotFound
from checkout.models import CheckoutSession
from checkout.states import SessionState
from gateway.aauth import keeping, moves
from gateway.deferring import Lost
from gateway.pending_models import PendingRequest
from gateway.pending_states import OPEN, PendingState
from interventions import clarifications
from interventions import services as interventions
from interventions.moves import PERSON
from interventions.negotiation import APPROVAL, Kind
from interventions.states import InterventionState

SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class End:
    """What an agent is told of a call that was not carried out."""

    status: int
    error: str
    detail: str


ENDS: Mapping[str, End] = {
    PendingState.DENIED: End(403, "denied", _("The purchase was not confirmed. Nothing was charged.")),
    PendingState.ABANDONED: End(
        403, "abandoned", _("The person came and did not finish in time. Nothing was charged.")
    ),
    PendingState.REVOKED: End(403, "revoked", _("The agent may not act here any more.")),
    PendingState.EXPIRED: End(408, "expired", _("The time to confirm is over. Nothing was charged.")),
    PendingState.INVALID_CODE: End(
        410, "invalid_code", _("Wrong codes were entered too often. Nothing was charged.")
    ),
    PendingState.CANCELED: End(410, "gone", _("The call was withdrawn. Nothing was charged.")),
    PendingState.FAILED: End(
        500,
        "server_error",
        _("The call could not be carried out. Retrieve the session to see how it stands."),
    ),
}
"""By the state of the call; what is stored with it says more."""

TOO_LATE = (PendingState.EXPIRED, PendingState.ABANDONED)

DISAPPROVED = _("The merchant did not approve the purchase. Nothing was charged.")
SPENT = _("Too many wrong one-time codes were entered. Nothing was charged.")
SILENT = _("The question was not answered in time. Nothing was charged.")
CANCELED = _("The checkout session was canceled.")


def told(pending: PendingRequest) -> End:
    """What its agent is told of a call that has ended so."""
    end = ENDS[pending.state]
    return End(end.status, end.error, pending.terminal_detail or end.detail)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the call ends, by what became of what was asked."""

    to: str
    detail: str = ""


def verdict(pending: PendingRequest, session: CheckoutSession) -> Verdict | None:
    """How the call ends when nothing is asked for its session any more; None: it is carried out.

    Changes nothing.
    """
    if session.state == SessionState.CANCELED:
        return Verdict(_refused(pending) or PendingState.CANCELED, CANCELED)
    if session.state == SessionState.EXPIRED:
        return Verdict(late(pending))
    if session.state == SessionState.COMPLETED:
        return None
    if clarifications.gave_up(pending.subject, pending.created_at):
        return Verdict(PendingState.EXPIRED, SILENT)
    row = waiting.last_end(pending.subject, pending.created_at)
    if row is None:
        return None
    if row.kind == Kind.THREE_DS and row.ended_by != PERSON:
        return None  # what the bank made of it is how the payment went, and the call's own answer
    match row.state:
        case InterventionState.DENIED:
            return Verdict(PendingState.DENIED, DISAPPROVED if row.kind == APPROVAL else "")
        case InterventionState.FAILED:
            return Verdict(PendingState.DENIED, SPENT)
        case InterventionState.EXPIRED:
            return Verdict(PendingState.EXPIRED if row.kind == APPROVAL else late(pending))
    return None


def late(pending: PendingRequest) -> str:
    """How a call ends whose time is over: it depends on whether the person ever came, also when they are
    needed once more and have not come for that (AA-078)."""
    came = pending.state == PendingState.INTERACTING or pending.code_used_round >= 0
    return PendingState.ABANDONED if came else PendingState.EXPIRED


def end(pending: PendingRequest, to: str, *, detail: str = "", actor: str = SYSTEM) -> None:
    """The call is over, without having been carried out. The person is not waited for any more, unless
    another call waits for the same.

    Raises Lost when it has ended, or is being carried out, and CompletionRunning while its money may be
    moving. No transaction may be open.
    """
    _idle(pending)
    with transaction.atomic(durable=True):
        with suppress(NotFound):
            session = CheckoutSession.objects.locked(pending.subject)
            waiting.give_up(session, keeping.claim_of(pending), actor=actor, expired=to in TOO_LATE)
            if not _others(pending).exists():
                clarifications.withdraw(pending.subject)
                waiting.call_off(session, actor=actor, expired=to in TOO_LATE)
        _over(pending, to, detail)


def deny(pending: PendingRequest, *, actor: str) -> None:
    """The purchase is not wanted: neither the call nor another that waits for the same session will be
    carried out, and nobody acts for it any more. What its person had confirmed counts no more.

    Raises Lost when the call has ended, or one of them is being carried out, and CompletionRunning while
    money may be moving; nothing is changed then. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        with suppress(NotFound):
            session = CheckoutSession.objects.locked(pending.subject)
            clarifications.withdraw(pending.subject)
            waiting.call_off(session, actor=actor)
            interventions.take_back(session.id, actor=actor)
        for row in (pending, *_others(pending).order_by("pk")):
            _over(row, PendingState.DENIED)


def _others(pending: PendingRequest) -> QuerySet[PendingRequest]:
    return PendingRequest.objects.filter(subject=pending.subject, state__in=OPEN).exclude(pk=pending.pk)


def _idle(pending: PendingRequest) -> None:
    if pending.lease_until is not None and pending.lease_until > timezone.now():
        raise Lost


def _over(pending: PendingRequest, to: str, detail: str = "") -> None:
    """The call has ended so. Raises Lost also when somebody runs it, or has since we read it."""
    _idle(pending)
    ending = ENDS[to]
    moves.move(
        pending,
        to,
        only={"fence": pending.fence, "lease_until": pending.lease_until},
        terminal_status=ending.status,
        terminal_error=ending.error,
        terminal_detail=detail[:500],
    )


def _refused(pending: PendingRequest) -> str:
    row = waiting.last_end(pending.subject, pending.created_at)
    spent = row is not None and row.state == InterventionState.FAILED
    return PendingState.DENIED if spent else ""
