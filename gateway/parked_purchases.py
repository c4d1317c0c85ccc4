"""A parked call that is about a purchase: its subject is a checkout session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop as _

from checkout import responses, waiting
from checkout.errors import NotFound
from checkout.models import CheckoutSession, Payment
from checkout.states import SessionState
from gateway.pending_models import PendingRequest
from gateway.pending_states import PendingState
from gateway.subjects import Standing, Verdict, late
from interventions import clarifications
from interventions import services as interventions
from interventions.moves import PERSON
from interventions.negotiation import APPROVAL, Kind
from interventions.states import InterventionState

PREFIX = "cs"

DISAPPROVED = _("The merchant did not approve the purchase. Nothing was charged.")
SPENT = _("Too many wrong one-time codes were entered. Nothing was charged.")
SILENT = _("The question was not answered in time. Nothing was charged.")
CANCELED = _("The checkout session was canceled.")


class Purchase:
    """The `gateway.subjects.Subject` of purchases."""

    texts: Mapping[str, str] = {
        PendingState.DENIED: _("The purchase was not confirmed. Nothing was charged."),
        PendingState.ABANDONED: _("The person came and did not finish in time. Nothing was charged."),
        PendingState.REVOKED: _("The agent may not act here any more."),
        PendingState.EXPIRED: _("The time to confirm is over. Nothing was charged."),
        PendingState.INVALID_CODE: _("Wrong codes were entered too often. Nothing was charged."),
        PendingState.CANCELED: _("The call was withdrawn. Nothing was charged."),
        PendingState.FAILED: _(
            "The call could not be carried out. Retrieve the session to see how it stands."
        ),
    }

    def until(self, subject: str) -> datetime:
        ends: datetime = CheckoutSession.objects.filter(pk=subject).values_list("expires_at", flat=True)[0]
        return ends

    def settle(self, subject: str) -> None:
        responses.settled(subject)

    def stands(self, subject: str) -> Standing | None:
        session = CheckoutSession.objects.filter(pk=subject).select_related("order").first()
        return Standing(session.state == SessionState.COMPLETED, session) if session else None

    def verdict(self, pending: PendingRequest, standing: Standing) -> Verdict | None:
        session: CheckoutSession = standing.row
        if session.state == SessionState.CANCELED:
            return Verdict(_refused(pending) or PendingState.CANCELED, CANCELED)
        if session.state == SessionState.EXPIRED:
            return Verdict(late(pending))
        if standing.done:
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

    def call_off(
        self, subject: str, *, claim: str, alone: Callable[[], bool], actor: str, expired: bool
    ) -> None:
        with suppress(NotFound):
            session = CheckoutSession.objects.locked(subject)
            waiting.give_up(session, claim, actor=actor, expired=expired)
            if alone():
                clarifications.withdraw(subject)
                waiting.call_off(session, actor=actor, expired=expired)

    def refuse(self, subject: str, *, actor: str) -> None:
        with suppress(NotFound):
            session = CheckoutSession.objects.locked(subject)
            clarifications.withdraw(subject)
            waiting.call_off(session, actor=actor)
            interventions.take_back(session.id, actor=actor)

    def is_paid(self, subject: str, claim: str) -> bool:
        return Payment.objects.filter(session=subject, claim=claim).exists()

    def members(self, subject: str, kind: str) -> Mapping[str, Any]:
        named = {"checkout_session_id": subject}
        return named | {"intervention_type": kind} if kind else named

    def gone(self, subject: str) -> str:
        return f"How this ended was told before. Retrieve checkout session {subject} to see how it stands."


def _refused(pending: PendingRequest) -> str:
    row = waiting.last_end(pending.subject, pending.created_at)
    spent = row is not None and row.state == InterventionState.FAILED
    return PendingState.DENIED if spent else ""
