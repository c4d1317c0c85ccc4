"""The merchant's yes or no to a purchase that waits for it (decision 23)."""

from __future__ import annotations

from django.db import transaction

from checkout import obligations
from checkout.errors import NoPendingIntervention, SessionClosed
from checkout.models import Approval, CheckoutSession
from checkout.services import is_open, reprice, write
from interventions import services
from interventions.errors import InterventionError


def decide(approval: Approval, *, approved: bool, actor: str, reason: str) -> CheckoutSession:
    """The session can be paid as it is, or not before it changes; its agent sees which.

    `reason` is for the merchant's own records: no agent sees it. Nothing is charged: the agent
    completes again. Raises NotFound, SessionClosed, CompletionRunning, and NoPendingIntervention
    when this was decided, or the session changed or its time passed meanwhile, so that a repeat
    changes nothing. No transaction may be open.
    """
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.locked(approval.subject)
        if still_open := is_open(session):
            waiting = obligations.approval(session)
            if waiting is None or waiting["id"] != approval.pk:
                raise NoPendingIntervention
            try:
                services.decide(approval.pk, approved=approved, actor=actor, reason=reason)
            except InterventionError:
                raise NoPendingIntervention from None
            reprice(session)
            write(session)
    if not still_open:
        raise SessionClosed
    return session
