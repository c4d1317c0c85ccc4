"""What agents asked of their person, and what came of it: `.../account/history`, the newest first."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_noop

from gateway.person import account_asked, account_people
from gateway.person.account import AccountPage
from gateway.person.account_asked import Asked
from gateway.person.orders import MOMENT
from gateway.person_models import Grant, Summons
from gateway.person_states import GrantState, SummonsState
from interventions.translation import words

EACH = 20
LAST_PAGE = 500
"""Nobody turns so many pages, and the table is not read to its end for whoever tries."""

CAME = {
    SummonsState.WAITING: gettext_noop("Waits for you"),
    SummonsState.ENGAGED: gettext_noop("You opened it"),
    SummonsState.ANSWERED: gettext_noop("You answered"),
    SummonsState.DECLINED: gettext_noop("You did not want it"),
    SummonsState.UNREACHED: gettext_noop("The time was over"),
    SummonsState.FAILED: gettext_noop("It did not reach you"),
    SummonsState.CANCELED: gettext_noop("The agent withdrew it"),
}
DECIDED = {
    GrantState.ASKED: CAME[SummonsState.WAITING],
    GrantState.GRANTED: gettext_noop("You allowed it"),
    GrantState.DENIED: gettext_noop("You did not allow it"),
    GrantState.ENDED: gettext_noop("Nobody decided in time, or the agent withdrew it"),
    GrantState.REVOKED: gettext_noop("You took it back"),
}


class HistoryPage(AccountPage):
    here = "account_history"

    def shown(self, request: HttpRequest, **kept: str) -> HttpResponse:
        number = _number(request.GET.get("page", ""))
        # One more than is shown says whether there are others.
        items = account_asked.page_of_history(self.person.id, (number - 1) * EACH, EACH + 1)
        who = account_people.all_of(asked.owner for asked in items)
        rows = [
            (asked, who[asked.owner], _outcome(asked), account_asked.address_of(asked))
            for asked in items[:EACH]
        ]
        context = {
            "rows": rows,
            "number": number,
            "newer": number - 1,
            "older": number + 1 if len(items) > EACH and number < LAST_PAGE else 0,
            "moment": words(self.language(request))(MOMENT),
        }
        return self.show(request, "account_history", context)


def _number(given: str) -> int:
    """Which page; the first for whatever is no number."""
    return min(max(1, int(given)), LAST_PAGE) if given.isascii() and given.isdigit() and len(given) < 6 else 1


def _outcome(asked: Asked) -> str:
    late = asked.expires_at <= timezone.now()
    if asked.is_grant:
        state = GrantState.ENDED if late and asked.state in Grant.OPEN else GrantState(asked.state)
        return DECIDED[state]
    over = SummonsState.UNREACHED if late and asked.state in Summons.OPEN else SummonsState(asked.state)
    return CAME[over]
