"""The moments at which an account page has nothing to ask, and how requests of agents end, in words for
people."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from gateway.person.ends import End
from gateway.person_states import SummonsState

NOT_FOUND = End(
    gettext_noop("This is not in your account"),
    (
        gettext_noop("There is no such thing, or it belongs to another account. Nothing was changed."),
        gettext_noop("If a link brought you here, check that you are signed in as the right person."),
    ),
    status=404,
)
SIGNED_OUT = End(
    gettext_noop("You are signed out"),
    (gettext_noop("Nothing was changed. Sign in and try again."),),
    status=403,
)
TOO_OFTEN = End(
    gettext_noop("That was too often"),
    (gettext_noop("Nothing was changed. Wait a minute and try again."),),
    status=429,
)

OPENED = End(
    gettext_noop("You have opened this"),
    (
        gettext_noop("Your agent has been told that you came. It is not told by us what you did there."),
        gettext_noop("If you did not finish, open it again, or ask your agent for the link."),
    ),
)
ANSWERED = End(
    gettext_noop("Your agent has your answer"),
    (
        gettext_noop("Nothing more is asked of you."),
        gettext_noop("You can close this page and go back to your agent."),
    ),
)
DECLINED = End(
    gettext_noop("You did not want this"),
    (
        gettext_noop("Your agent is told that you are not coming. Nothing was charged on this page."),
        gettext_noop("If that was a mistake, ask your agent to try again."),
    ),
)
LATE = End(
    gettext_noop("The time for this is over"),
    (
        gettext_noop("Your agent does not wait for it any more. Nothing was charged on this page."),
        gettext_noop("If you still want it, ask your agent to try again."),
    ),
)
UNREACHED = End(
    gettext_noop("This did not reach you in time"),
    (
        gettext_noop("We had no way to tell you, and your agent knows. Nothing was charged on this page."),
        gettext_noop("If you still want it, ask your agent to try again."),
    ),
)
WITHDRAWN = End(
    gettext_noop("Your agent has withdrawn this"),
    (gettext_noop("It needs nothing from you any more. Nothing was charged on this page."),),
)

_OF_STATE = {
    SummonsState.ENGAGED: OPENED,
    SummonsState.ANSWERED: ANSWERED,
    SummonsState.DECLINED: DECLINED,
    SummonsState.UNREACHED: LATE,
    SummonsState.FAILED: UNREACHED,
    SummonsState.CANCELED: WITHDRAWN,
}


def of(state: str) -> End:
    """What a person reads of a request that has ended so, or whose time is over."""
    return _OF_STATE.get(SummonsState(state), LATE)
