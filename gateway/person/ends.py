"""The ends of a visit to a page, and the moments at which it cannot go on, each in words for people."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_noop

from interventions.negotiation import Kind
from interventions.states import InterventionState


@dataclass(frozen=True, slots=True)
class End:
    """What a person reads when there is nothing to answer. Texts are English, and translated."""

    heading: str
    told: tuple[str, ...]
    """What happened to the money, and what to do now."""
    status: int = 200
    again: bool = False
    """The visit can start again from its first page."""
    last: bool = False
    """The visit is over, in every browser."""


DONE = End(
    gettext_noop("You have confirmed the purchase"),
    (
        gettext_noop(
            "Nothing more is needed here. Your agent can finish the purchase now; "
            "nothing has been charged on this page."
        ),
        gettext_noop("You can close this page and go back to your agent."),
    ),
    last=True,
)
ALREADY = End(
    gettext_noop("This purchase is confirmed already"),
    (
        gettext_noop("Nothing more is needed here. Nothing was charged on this page."),
        gettext_noop(
            "You can close it and go back to your agent, which can tell you how the purchase stands."
        ),
    ),
    last=True,
)
PAYING = End(
    DONE.heading,
    (
        gettext_noop(
            "Nothing more is needed here. Your card is charged as you confirmed, and the shop completes "
            "the purchase."
        ),
        gettext_noop("You can close this page and go back to your agent."),
    ),
    last=True,
)
"""3-D Secure: what was confirmed is the payment itself, and it goes on without the agent."""
PAYING_ALREADY = End(ALREADY.heading, PAYING.told, last=True)
YES = (DONE, PAYING)
"""The person did what they were asked."""
DENIED = End(
    gettext_noop("The purchase was not confirmed"),
    (
        gettext_noop("Nothing was charged."),
        gettext_noop("If that was a mistake, ask your agent to try again."),
    ),
    last=True,
)
EXPIRED = End(
    gettext_noop("This page is out of time"),
    (gettext_noop("Nothing was charged. Ask your agent for a new link if you still want to buy."),),
    status=410,
    last=True,
)
FAILED = End(
    gettext_noop("Too many attempts"),
    (
        gettext_noop("Nothing was charged. For your safety nothing can be confirmed here any more."),
        gettext_noop("Wait a minute, then ask your agent to try again."),
    ),
    status=410,
    last=True,
)
OVER = End(
    gettext_noop("There is nothing to confirm any more"),
    (
        gettext_noop("The purchase has changed or has ended. Nothing was charged on this page."),
        gettext_noop("Go back to your agent: it can tell you how the purchase stands."),
    ),
    status=410,
    last=True,
)
UNKNOWN = End(
    gettext_noop("We cannot find this page"),
    (
        gettext_noop(
            "Check that the whole link was copied. If it came from your agent, ask it for the link again."
        ),
        gettext_noop("Nothing was charged on this page."),
    ),
    status=404,
)
TOO_MANY_MISSES = End(
    gettext_noop("Too many wrong links"),
    (
        gettext_noop(
            "Links that lead nowhere were opened too often from your network. "
            "Nothing was charged on this page."
        ),
        gettext_noop("Wait a minute, then open the whole link again, or ask your agent for a new one."),
    ),
    status=429,
)
ELSEWHERE = End(
    gettext_noop("This was opened in another browser"),
    (
        gettext_noop(
            "For your safety only the first browser that opens a link can confirm with it. "
            "Nothing was charged on this page."
        ),
        gettext_noop("Go back to that browser, or ask your agent to start again."),
    ),
    status=410,
)
STALE = End(
    gettext_noop("We could not use that answer"),
    (gettext_noop("It belongs to an earlier try, or was used already. Nothing was charged."),),
    status=409,
    again=True,
)
SILENT = End(
    gettext_noop("The confirmation service does not answer"),
    (gettext_noop("Nothing was charged. Wait a minute and try again."),),
    status=503,
    again=True,
)
BROKEN = End(
    gettext_noop("Something went wrong at our side"),
    (
        gettext_noop(
            "We do not know whether your last answer was taken. If it was not, nothing was charged."
        ),
        gettext_noop("Wait a minute and open the link again, or go back to your agent."),
    ),
    status=500,
)
NOT_YET = End(
    gettext_noop("It is not confirmed yet"),
    (gettext_noop("The confirmation service has no answer from you. Nothing was charged."),),
    again=True,
)

_OF_STATE = {
    InterventionState.PASSED: DONE,
    InterventionState.DENIED: DENIED,
    InterventionState.EXPIRED: EXPIRED,
    InterventionState.FAILED: FAILED,
}


def of(state: str, kind: str = "") -> End:
    """What a person reads of an intervention that their answer has ended in `state`."""
    if state == InterventionState.PASSED and kind == Kind.THREE_DS:
        return PAYING
    return _OF_STATE.get(InterventionState(state), OVER)


def found(state: str, kind: str = "") -> End:
    """What a person reads who comes to an intervention that had ended in `state` before."""
    if state != InterventionState.PASSED:
        return of(state, kind)
    return PAYING_ALREADY if kind == Kind.THREE_DS else ALREADY
