"""A session that is handed over: a person finishes it on our page, and its agent cannot pay for it.

A frozen cart's session is handed over for as long as it exists. An agent's own session is while a
policy asks for what the agent cannot do, and allows this instead (decision 16). What the handoff is for
is what is bought and how it gets there: when the agent changes that it is void, and the person is shown
the new one; what the person changes belongs to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.utils import timezone

from checkout.models import CheckoutSession
from checkout.ports import ports
from checkout.states import CLOSED
from interventions import handing_over, services
from interventions.models import Intervention
from interventions.negotiation import HANDOFF
from interventions.outcomes import Snapshot
from interventions.states import InterventionState

QUOTED = "handoff"
"""The member of an agent's own session's quote that says by which handoff, and until when."""
BOUND = ("lines", "buyer", "fulfillment_details", "fulfillment_groups", "selected_options")
"""What a payment is for, besides its amount (decision 21)."""


def is_handed_over(session: CheckoutSession) -> bool:
    """A person has to finish it, and no agent can."""
    return session.state not in CLOSED and (session.handed_over or QUOTED in session.quote)


def quoted(session: CheckoutSession) -> Mapping[str, Any] | None:
    """The handoff of an agent's own session, as last written, whether or not its time is over."""
    found: Mapping[str, Any] | None = session.quote.get(QUOTED)
    return None if session.state in CLOSED else found


def begin(session: CheckoutSession, *, actor: str, within_seconds: float) -> Snapshot:
    """A person is asked to finish the session, or could not be: the snapshot is then not live.

    Repeatable while nothing changes; another handoff is void. Inside the session's transaction.
    """
    return services.ensure(
        session.id,
        HANDOFF,
        binding=binding(session),
        amount=session.total,
        currency=session.currency,
        destination="",
        owner=session.owner,
        actor=actor,
        within_seconds=within_seconds,
    )


def escalate(session: CheckoutSession) -> Snapshot | None:
    """The agent's own session is handed over, and its quote says so; None when it cannot be: its buyer
    refused too often. Inside the session's transaction."""
    now = timezone.now()
    left = (session.expires_at - now).total_seconds()
    asked = begin(session, actor="system", within_seconds=min(ports().rules.handoff_seconds, left))
    if not asked.live(now):
        return None
    session.quote[QUOTED] = {"id": asked.id, "expires_at": asked.as_dict()["expires_at"]}
    return asked


def is_present(session: CheckoutSession, asked: Snapshot | None = None) -> bool:
    """The person has come to the page. Before, nothing is sent to anybody on their behalf."""
    if asked is not None:
        return asked.state == InterventionState.INTERACTING
    row = handing_over.last(session.id)
    return row is not None and row.state == InterventionState.INTERACTING


def outlast(row: Intervention) -> None:
    """The handoff goes on for as long as a payment begun now may take. Inside the session's transaction."""
    rules = ports().rules
    seconds = rules.hold_seconds + 2 * rules.attempt_seconds
    handing_over.prolong(row, timezone.now() + timedelta(seconds=seconds))


def paid(session: CheckoutSession, *, actor: str) -> None:
    """The handoff of a session that is paid is done, if there is one. Inside its transaction."""
    if session.quote.pop(QUOTED, None) is not None or session.handed_over:
        handing_over.end(session.id, InterventionState.PASSED, actor=actor, note="paid")


def lapse(session: CheckoutSession, *, actor: str) -> None:
    """The time to finish the session is over. Repeatable. Inside its transaction."""
    if session.handed_over or QUOTED in session.quote:
        handing_over.end(session.id, InterventionState.EXPIRED, actor=actor, note="deadline")


def is_live(found: Mapping[str, Any], now: datetime) -> bool:
    return datetime.fromisoformat(found["expires_at"]) > now


def binding(session: CheckoutSession) -> str:
    """What is bought, by whom, how it gets there, and what the merchant is told of it, as asked for.
    Prices are no part of it: the person is shown what it costs, and pays that or nothing."""
    bound = {name: getattr(session, name) for name in BOUND}
    if notes := session.extras.get("order_notes"):  # the merchant acts on them
        bound["order_notes"] = notes
    return sha256(json.dumps(bound, sort_keys=True).encode()).hexdigest()
