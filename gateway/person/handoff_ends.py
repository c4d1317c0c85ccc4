"""How a purchase that a person finishes on our pages ends, in words for them."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from gateway.person import ends
from gateway.person.ends import End
from interventions.states import InterventionState

DONE = End(
    gettext_noop("Thank you, your purchase is complete"),
    (gettext_noop("It is paid, and your agent is told. You can close this page."),),
    last=True,
)
ALREADY = End(
    gettext_noop("This purchase is complete already"),
    (gettext_noop("It was paid once, and nothing more is charged."),),
    last=True,
)
STOPPED = End(
    gettext_noop("You have stopped this purchase"),
    (
        gettext_noop("Nothing was charged, and nothing will be sent. Your agent is told."),
        gettext_noop("If that was a mistake, ask your agent for a new link."),
    ),
    last=True,
)
VOID = End(
    gettext_noop("This link is out of date"),
    (
        gettext_noop(
            "The cart has changed since it was made, so that it can be paid no more. Nothing was charged."
        ),
        gettext_noop("Your agent has a newer link, or can make one: ask it."),
    ),
    status=410,
    last=True,
)

ELSEWHERE = End(
    ends.ELSEWHERE.heading,
    (
        gettext_noop(
            "For your safety only the browser that went on first can finish the purchase, and one that was "
            "left alone for a quarter of an hour is forgotten. Nothing was charged on this page."
        ),
        gettext_noop(
            "Go back to that browser, or ask your agent to change the cart: it then has a new link."
        ),
    ),
    status=ends.ELSEWHERE.status,
)

_OF_STATE = {
    InterventionState.PASSED: ALREADY,
    InterventionState.DENIED: STOPPED,
    InterventionState.EXPIRED: ends.EXPIRED,
}


def of(state: str, *, void: bool = False) -> End:
    """What a person reads who comes to a purchase that has ended in `state`; `void`: because its cart
    has changed."""
    return VOID if void else _OF_STATE.get(InterventionState(state), ends.OVER)
