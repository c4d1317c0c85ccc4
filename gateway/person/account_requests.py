"""One request of an agent to its person, and what came of it.

GET   .../account/requests/<id>    who asks, for what, where it leads; changes nothing
POST  .../account/requests/<id>    go on: to the page that the agent names; an answer; or no

The address is the agent's, and never fetched by us: its host is what a person judges it by. It is opened by
their decision alone, and the code goes with the browser (decision 33).
"""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from checkout.untrusted import visible
from gateway import markdown_html, parked, summons_answers, summonses
from gateway.conf import conf
from gateway.person import account_asked, account_ends, account_people
from gateway.person.account import AccountPage, NotTheirs
from gateway.person.forms import cleaned
from gateway.person.orders import MOMENT
from gateway.person_models import Summons
from gateway.person_states import SummonsState
from interventions.questions import LONGEST_ANSWER
from interventions.translation import words
from interventions.weblinks import parse

SUMMONS_ID = re.compile(r"smn_[0-9a-z]{1,60}", re.ASCII)
LONGEST_URL = 300

HEADINGS = {
    Summons.INTERACTION: gettext_noop("Your agent asks you to open a page"),
    Summons.PAYMENT: gettext_noop("Your agent asks you to pay on a page"),
    Summons.QUESTION: gettext_noop("Your agent asks you a question"),
}


@method_decorator(sensitive_post_parameters("reply"), name="dispatch")
class RequestPage(AccountPage):
    here = "account"

    def shown(self, request: HttpRequest, **kept: str) -> HttpResponse:
        return self.asked(request, self.found(kept["summons_id"]))

    @sensitive_variables("reply")
    def taken(self, request: HttpRequest, **kept: str) -> HttpResponse:
        row = self.found(kept["summons_id"])
        try:
            match request.POST.get("answer"):
                case "continue" if row.kind != Summons.QUESTION:
                    return self.go_on(row)
                case "reply":
                    lines = request.POST.get("reply", "").splitlines()
                    reply = "\n".join(cleaned(line) for line in lines).strip()
                    try:
                        summonses.answer(row.pk, self.person.id, reply)
                    except summons_answers.Refused as refused:
                        wrong = words(self.language(request))(refused.text) % refused.values
                        return self.asked(request, row, reply=reply[:LONGEST_ANSWER], wrong=wrong)
                case "decline":
                    summonses.decline(row.pk, self.person.id)
        except summonses.Unknown:
            raise NotTheirs from None
        except (summonses.Ended, summonses.Busy):
            pass  # the page says how it stands
        return self.sent_on(request.path)

    def found(self, summons_id: str) -> Summons:
        """The person's own. Raises NotTheirs."""
        # An id that cannot be one may be anything, such as a card number, and goes into no statement.
        if SUMMONS_ID.fullmatch(summons_id):
            row = summonses.of_person(self.person.id).filter(pk=summons_id).first()
            if row is not None:
                return row
        raise NotTheirs

    @sensitive_variables("opened")
    def go_on(self, row: Summons) -> HttpResponse:
        """The person goes where the agent wants them. Nothing of ours goes along but the code."""
        opened = summonses.engage(row.pk, self.person.id)
        response = HttpResponseRedirect(opened.address)
        response.status_code = 303
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    def asked(self, request: HttpRequest, row: Summons, *, reply: str = "", wrong: str = "") -> HttpResponse:
        """The request as it stands."""
        state = _state_of(row)
        language = self.language(request)
        # A page of ours has no address here: its call knows it.
        url = row.url or (conf().PUBLIC_URL if row.pending else "")
        context: dict[str, Any] = {
            "row": row,
            # The banner speaks of what comes, not of what its reader looks at.
            "known": account_asked.version_of(account_asked.waiting(self.person.id)),
            "who": account_people.all_of((row.owner,))[row.owner],
            "heading": HEADINGS[row.kind],
            "end": None if state in Summons.OPEN else account_ends.of(state),
            "again": summonses.can_return(row),
            "host": account_asked.host_of(url) if url else "",
            "url": visible(row.url, longest=LONGEST_URL),
            "is_ours": _origin(url) == _origin(conf().PUBLIC_URL),
            "description": markdown_html.shown(row.description),
            "question": markdown_html.shown(row.question),
            "reply": reply,
            "wrong": wrong,
            "longest": LONGEST_ANSWER,
            "minutes": max(1, round((row.expires_at - timezone.now()).total_seconds() / 60)),
            "moment": words(language)(MOMENT),
        }
        return self.show(request, "account_request", context, goes_to=(_origin(url),) if url else ())


def _state_of(row: Summons) -> str:
    """How it stands, also when nobody has written that down yet. Reads only."""
    if row.state not in Summons.OPEN or summonses.waits(row.pk):
        return row.state
    call = parked.lot().of(row.pending) if row.pending else None
    return SummonsState.ENGAGED if call is not None and call.came else SummonsState.UNREACHED


def _origin(url: str) -> str:
    """ "" for what is no plain address."""
    try:
        return parse(url).origin
    except ValueError:
        return ""
