"""What comes while a payment waits for a person: the agent says they are done, or a page or relay does.

All of it is a hint to ask the payment provider, whose word alone goes on with the attempt, to the
order without a second complete (decisions 20, 22).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction

from checkout import asked, authentication, settlement
from checkout.errors import Invalid, ProviderUnavailable, SessionClosed
from checkout.models import CheckoutSession
from checkout.services import Seal, apply, disturb, is_open, reprice, write
from interventions.negotiation import Kind

log = logging.getLogger("agentic.completion")


def take(
    session_id: str,
    changes: Mapping[str, Any],
    kind: Kind | None,
    *,
    owner: str,
    seal: Seal,
    still: Callable[[], None],
) -> CheckoutSession:
    """The changes are made, and the provider asked what became of the payment that waits.

    Changes that touch what the payment is for give it up, and the answer is then not looked at.
    Raises as `responses.respond`. No transaction may be open.
    """
    waits = _changed(session_id, changes, kind, owner=owner, seal=seal, still=still)
    if isinstance(waits, CheckoutSession):
        return waits
    notices = [asked.unknown_answer()] if kind is None else []
    if kind is not None:
        try:
            settlement.settle(waits)
        except ProviderUnavailable:
            log.warning("payment %s is still unknown: its provider does not answer", waits)
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.of(owner).locked(session_id)
        still()
        if kind is not None and authentication.awaited(session) is not None:
            notices.append(asked.unconfirmed())
        session.quote["problems"] += notices
        seal(session)
    return session


def settled(session_id: str) -> None:
    """The provider was asked about the session's payment, if one waits for a person. Repeatable.

    Raises ProviderUnavailable. No transaction may be open.
    """
    session = CheckoutSession.objects.filter(pk=session_id).first()
    found = authentication.awaited(session) if session else None
    if found is not None:
        settlement.settle(found["payment"])


def other_type(pending: str) -> Invalid:
    """The agent answers something else than what is asked."""
    return Invalid(f"The pending intervention is of type {pending}.", param="$.intervention_response.type")


def _changed(
    session_id: str,
    changes: Mapping[str, Any],
    kind: Kind | None,
    *,
    owner: str,
    seal: Seal,
    still: Callable[[], None],
) -> str | CheckoutSession:
    """The payment that goes on waiting, or the session that was answered without it."""
    with transaction.atomic(durable=True):
        session = CheckoutSession.objects.of(owner).locked(session_id)
        still()
        before = authentication.awaited(session)
        if before is not None and kind is not None and before["road"] != kind:
            raise other_type(before["road"])
        ended = disturb(session, changes, actor=owner)
        found = authentication.awaited(session)
        if found is not None:
            payment: str = found["payment"]
            return payment
        if still_open := is_open(session):
            apply(session, changes)
            reprice(session)
            session.quote["problems"] += ended
            write(session)
            seal(session)
    if not still_open:
        raise SessionClosed
    return session
