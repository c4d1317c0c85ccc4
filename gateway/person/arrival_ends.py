"""How a call that waited for its person ends, in words for them and in those of the agent's callback."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from gateway.pending_states import PendingState
from gateway.person import ends, handoff_ends
from gateway.person.ends import End

GO_BACK = gettext_noop("Go back to your agent: it can tell you how the purchase stands.")

RESOLVED = End(
    gettext_noop("You are done here"),
    (
        gettext_noop("Your agent has the answer and goes on. Nothing more is asked of you."),
        gettext_noop("You can close this page and go back to your agent."),
    ),
    last=True,
)
WITHDRAWN = End(
    gettext_noop("Your agent has withdrawn this"),
    (gettext_noop("It needs nothing from you any more. Nothing was charged on this page."), GO_BACK),
    status=410,
    last=True,
)
TOO_MANY_CODES = End(
    gettext_noop("Too many wrong codes"),
    (
        gettext_noop("For your safety nothing can be confirmed here any more. Nothing was charged."),
        gettext_noop("If you still want to buy, ask your agent to start again: it then has a new code."),
    ),
    status=410,
    last=True,
)
REVOKED = End(
    gettext_noop("Your agent may not go on"),
    (
        gettext_noop("What it proved itself with is not valid any more. Nothing was charged here."),
        GO_BACK,
    ),
    status=410,
    last=True,
)
FAILED = End(
    gettext_noop("Something went wrong at our side"),
    (gettext_noop("The purchase could not be finished as it was asked for."), GO_BACK),
    status=500,
    last=True,
)

_OF_STATE = {
    PendingState.RESOLVED: RESOLVED,
    PendingState.DENIED: ends.DENIED,
    PendingState.ABANDONED: ends.EXPIRED,
    PendingState.EXPIRED: ends.EXPIRED,
    PendingState.CANCELED: WITHDRAWN,
    PendingState.INVALID_CODE: TOO_MANY_CODES,
    PendingState.REVOKED: REVOKED,
    PendingState.FAILED: FAILED,
}

ERRORS: dict[str, str] = {
    PendingState.DENIED: "access_denied",
    PendingState.REVOKED: "access_denied",
    PendingState.CANCELED: "access_denied",
    PendingState.ABANDONED: "user_abandoned",
    PendingState.EXPIRED: "interaction_expired",
    PendingState.INVALID_CODE: "interaction_expired",
    PendingState.FAILED: "server_error",
}
"""What the callback is told (AA-075); of a success nothing."""


def of(state: str, *, bought: bool = False) -> End:
    """What the person reads; `bought`: the purchase is complete."""
    if state == PendingState.RESOLVED and bought:
        return handoff_ends.DONE
    return _OF_STATE[PendingState(state)]
