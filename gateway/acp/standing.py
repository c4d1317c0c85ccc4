"""Where a session stands for its agent at one moment.

Decided once for each answer, so that status, context, messages and capabilities agree, also at
the very instant at which a challenge ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkout import abilities, authentication, handing_over, obligations
from checkout.models import CheckoutSession
from checkout.states import SessionState
from interventions.negotiation import Kind

EXTENSION = "intervention_types@2026-02-17"
EXTENDED_KINDS = frozenset({Kind.OTP, Kind.REDIRECT, Kind.WEBVIEW})
RELEASED_KINDS = frozenset(Kind) - EXTENDED_KINDS

_STATUS = {
    SessionState.COMPLETING: "complete_in_progress",
    SessionState.COMPLETED: "completed",
    SessionState.CANCELED: "canceled",
    SessionState.EXPIRED: "expired",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What depends on the clock, or on what the agent declared."""

    status: str
    """The wire status (acp.md 0.1)."""
    extended: bool
    """The agent gets the members of the extension (decision 16)."""
    asked: Mapping[str, Any] | None
    """What a person can do now."""
    lapsed: bool
    """A person was asked, and the challenge is over."""
    awaited: bool = False
    """The merchant looks at the purchase before it is paid (decision 23)."""
    unanswered: bool = False
    """The merchant was asked, and did not decide in time."""
    authenticating: Mapping[str, Any] | None = None
    """What the issuer of the card wants of its holder, for a payment that waits."""
    handed: Mapping[str, Any] | None = None
    """A person can finish it on our page now, and this agent cannot (decision 16)."""
    unfinished: bool = False
    """A person could, and did not in time."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """The intervention types that this agent's schema knows."""
        return frozenset(Kind) if self.extended else RELEASED_KINDS


def of(session: CheckoutSession, now: datetime) -> Standing:
    """Where `session` stands at `now`. Reads nothing but the session."""
    extended = is_extended(session.capabilities) or abilities.brings(session)
    asked = obligations.asked_now(session, now)
    lapsed = asked is None and obligations.pending(session) is not None
    approval = obligations.approval(session)
    awaited = approval is not None and datetime.fromisoformat(approval["expires_at"]) > now
    paying = authentication.asked_now(session, now)
    handed = handing_over.quoted(session)
    if handed is not None:
        # What they are asked besides, they are asked on the page: it is nothing that this agent can do.
        return _handed_over(session, handed, now, awaited=awaited, extended=extended)
    if awaited:
        status = "pending_approval"
    elif paying is not None:
        status = "authentication_required"  # for every agent: the released protocol knows it (ACP-071)
    else:
        status = _status(session, asked, extended=extended)
    unanswered = approval is not None and not awaited
    return Standing(status, extended, asked, lapsed, awaited, unanswered, paying)


def _handed_over(
    session: CheckoutSession, handed: Mapping[str, Any], now: datetime, *, awaited: bool, extended: bool
) -> Standing:
    paying = session.state == SessionState.COMPLETING
    live = paying or handing_over.is_live(handed, now)
    if awaited:
        status = "pending_approval"
    elif paying and authentication.awaited(session) is None:
        status = _STATUS[SessionState.COMPLETING]
    else:
        status = "requires_escalation" if live else "not_ready_for_payment"
    return Standing(
        status,
        extended,
        asked=None,
        lapsed=False,
        awaited=awaited,
        handed=handed if live else None,
        unfinished=not live,
    )


def is_extended(capabilities: Mapping[str, Any]) -> bool:
    """This agent gets the extension: it named it, or declared one of its types (decision 16)."""
    told = capabilities.get("interventions") or {}
    if EXTENDED_KINDS.intersection(told.get("supported") or ()):
        return True
    named = capabilities.get("extensions") or ()
    names = (entry if isinstance(entry, str) else entry.get("name", "") for entry in named)
    return any(name.partition("@")[0] == EXTENSION.partition("@")[0] for name in names)


def _status(session: CheckoutSession, asked: Mapping[str, Any] | None, *, extended: bool) -> str:
    """`incomplete` is a session without any item: there is nothing that could be priced. One
    that only lacks an address is priced, and blocked (ACP-073, ACP-074)."""
    if session.state != SessionState.OPEN:
        return _STATUS[SessionState(session.state)]
    if not session.quote["lines"]:
        return "incomplete"
    if asked is not None and (extended or asked["kind"] in RELEASED_KINDS):
        return "authentication_required"
    return "ready_for_payment" if session.quote["ready"] else "not_ready_for_payment"
