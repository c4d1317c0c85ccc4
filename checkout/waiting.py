"""What a session waits for: a person, the merchant, or its agent's answer; and how that is called off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from checkout import authentication, handing_over, obligations
from checkout.errors import CompletionRunning
from checkout.models import CheckoutSession
from checkout.states import CLOSED, SessionState
from interventions import handing_over as handoff_rows
from interventions import services as interventions
from interventions.models import Intervention
from interventions.negotiation import APPROVAL, CONTACT, HANDOFF, Kind
from interventions.states import OPEN, InterventionState


@dataclass(frozen=True, slots=True)
class Awaited:
    """Somebody has to act before the session goes on."""

    kind: str
    """Of the intervention: a type of the protocol, `approval`, `handoff` or `question`."""
    intervention_id: str
    by_its_agent: bool = False
    """The agent runs it by itself: 3-D Secure, of which it was given what it needs."""


def on(session: CheckoutSession, now: datetime) -> Awaited | None:
    """What the session says it waits for at `now`. Reads nothing but the session."""
    handed = handing_over.quoted(session)
    if handed is not None and handing_over.is_live(handed, now):
        return Awaited(HANDOFF, handed["id"])
    approval = obligations.approval(session)
    if approval is not None and datetime.fromisoformat(approval["expires_at"]) > now:
        return Awaited(APPROVAL, approval["id"])
    paying = authentication.asked_now(session, now)
    if paying is not None:
        return Awaited(paying["road"], paying["id"], by_its_agent=paying["road"] == Kind.THREE_DS)
    asked = obligations.asked_now(session, now)
    return Awaited(asked["kind"], asked["id"]) if asked is not None else None


def still(subject: str) -> Awaited | None:
    """What somebody can do for the session now, by what was asked of them: also when the session has not
    heard yet that one of them did. Changes nothing."""
    now = timezone.now()
    rows = Intervention.objects.filter(subject=subject, state__in=OPEN).exclude(kind=CONTACT)
    found = [row for row in rows.order_by("created_at") if not row.over(now)]
    # A handed over purchase has pages of its own for what is asked besides.
    found.sort(key=lambda row: row.kind != HANDOFF)
    return Awaited(found[0].kind, found[0].pk) if found else None


def last_end(subject: str, since: datetime) -> Intervention | None:
    """What was asked for the session and ended last, from `since` on. Changes nothing."""
    rows = Intervention.objects.filter(subject=subject, updated_at__gte=since)
    return rows.exclude(state__in=OPEN).exclude(kind=CONTACT).order_by("-updated_at").first()


def give_up(session: CheckoutSession, claim: str, *, actor: str, expired: bool = False) -> None:
    """The payment attempt of that claim, if there is one, waits for nobody any more.

    Raises CompletionRunning while its money may be moving. Repeatable. On the locked session, inside its
    transaction.
    """
    payment = session.payments.filter(claim=claim).order_by("-created_at").first() if claim else None
    if session.state != SessionState.COMPLETING or payment is None:
        return
    awaited = authentication.awaited(session)
    if awaited is None or awaited["payment"] != payment.id:
        raise CompletionRunning
    authentication.give_up(session, actor=actor, code="expired" if expired else "canceled")


def call_off(session: CheckoutSession, *, actor: str, expired: bool = False) -> None:
    """Nobody acts for the session any more: what they were sent opens nothing, a payment that waited for
    them is given up, and what they are shown says so. The session stays open, and a later change asks
    anew.

    Raises CompletionRunning while money may be moving. Repeatable. On the locked session, inside its
    transaction.
    """
    if session.state in CLOSED:
        return
    if authentication.awaited(session) is not None:
        authentication.give_up(session, actor=actor, code="expired" if expired else "canceled")
    if session.state == SessionState.COMPLETING:
        raise CompletionRunning
    to = InterventionState.EXPIRED if expired else InterventionState.CANCELED
    if handing_over.quoted(session) is not None or session.handed_over:
        handoff_rows.end(session.id, to, actor=actor, note="called off")
    interventions.close_all(session.id, actor=actor)
    now = timezone.now().isoformat()
    quote: dict[str, Any] = session.quote
    asked = [name for name in ("pending", "approval", handing_over.QUOTED) if name in quote]
    for name in asked:
        quote[name] = {**quote[name], "expires_at": now}
    if asked:
        CheckoutSession.objects.filter(pk=session.pk).update(quote=quote)
