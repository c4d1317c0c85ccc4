"""How a visit ends that was about what an agent is granted, in words for people."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from gateway.person import arrival_ends, ends
from gateway.person.ends import End

AGAIN = gettext_noop("If you still want it, ask your agent to start again.")

ALLOWED = End(
    gettext_noop("You have allowed this"),
    (
        gettext_noop("Your agent goes on with it. You can take it back in your account at any time."),
        gettext_noop("You can close this page and go back to your agent."),
    ),
    last=True,
)
FOREIGN = End(
    gettext_noop("Your account cannot allow this"),
    (
        gettext_noop("The agent does not act for the account that you are signed in with."),
        gettext_noop("Nothing was granted, and the agent is told no."),
    ),
    status=403,
    last=True,
)
DENIED = End(
    gettext_noop("This was not allowed"),
    (gettext_noop("Nothing was granted, and the agent is told no."), AGAIN),
    last=True,
)
EXPIRED = End(ends.EXPIRED.heading, (gettext_noop("Nothing was granted."), AGAIN), status=410, last=True)
OVER = End(
    gettext_noop("There is nothing to decide any more"),
    (gettext_noop("What your agent asked for has changed or has ended."), AGAIN),
    status=410,
    last=True,
)
ELSEWHERE = End(
    ends.ELSEWHERE.heading,
    (
        gettext_noop("For your safety only the first browser that opens a link can decide with it."),
        gettext_noop("Go back to that browser, or ask your agent to start again."),
    ),
    status=410,
)
WITHDRAWN = End(
    arrival_ends.WITHDRAWN.heading,
    (gettext_noop("It needs nothing from you any more. Nothing was granted."),),
    status=410,
    last=True,
)
TOO_MANY_CODES = End(
    arrival_ends.TOO_MANY_CODES.heading,
    (gettext_noop("For your safety nothing can be allowed here any more. Nothing was granted."), AGAIN),
    status=410,
    last=True,
)
REVOKED = End(
    arrival_ends.REVOKED.heading,
    (gettext_noop("What it proved itself with is not valid any more, or it was taken back."),),
    status=410,
    last=True,
)
FAILED = End(
    arrival_ends.FAILED.heading, (gettext_noop("Nothing was granted."), AGAIN), status=500, last=True
)

_WORDED = {
    ends.DONE: ALLOWED,
    ends.ALREADY: ALLOWED,
    ends.DENIED: DENIED,
    ends.EXPIRED: EXPIRED,
    ends.FAILED: OVER,
    ends.OVER: OVER,
    ends.ELSEWHERE: ELSEWHERE,
    arrival_ends.WITHDRAWN: WITHDRAWN,
    arrival_ends.TOO_MANY_CODES: TOO_MANY_CODES,
    arrival_ends.REVOKED: REVOKED,
    arrival_ends.FAILED: FAILED,
}


def worded(end: End) -> End:
    """The end as it is told where nothing was bought."""
    return _WORDED.get(end, end)
