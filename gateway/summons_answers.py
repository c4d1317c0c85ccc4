"""What a person answers an agent: what may be told, and how it is kept until then (AA-209, AA-114)."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_variables

from gateway import carddata, sealed
from gateway.person_models import Summons
from interventions import masking
from interventions.models import Intervention
from interventions.negotiation import CODED
from interventions.ports import ports
from interventions.questions import LONGEST_ANSWER
from interventions.states import OPEN

ANSWER = "answer to a summons"


EMPTY = gettext_noop("Write an answer first.")
TOO_LONG = gettext_noop("An answer has at most %(most)s characters.")
CARD = gettext_noop("This looks like the number of a card. Agents are never given one.")
ONE_TIME = gettext_noop(
    "This may be a one-time code. Type it on the page that asks for it, and never tell it to an agent."
)


class Refused(Exception):
    """What was answered is no answer. `text` is a text of ours in English, to be translated, and `values` go
    into it; nothing of what was answered."""

    def __init__(self, text: str, **values: Any) -> None:
        super().__init__(text)
        self.text, self.values = text, values


@sensitive_variables("said")
def judge(owner: str, said: str) -> None:
    """Raises Refused for what is no answer, and for what an agent is never told: a card, and a code while one
    is asked for by a purchase of that agent."""
    if not said:
        raise Refused(EMPTY)
    if len(said) > LONGEST_ANSWER:
        raise Refused(TOO_LONG, most=LONGEST_ANSWER)
    if carddata.find({"answer": said}) is not None:
        raise Refused(CARD)
    asked = Intervention.objects.filter(owner=owner, kind__in=CODED, state__in=OPEN)
    if masking.without_codes(said, ports().rules.code_digits) != said and asked.exists():
        raise Refused(ONE_TIME)


@sensitive_variables("said")
def kept(said: str) -> str:
    """As it is stored."""
    return sealed.seal(said.encode(), ANSWER)


def of(row: Summons) -> str:
    """What the person answered, "" when that was told before, or its key is gone."""
    try:
        return sealed.unseal(row.answer, ANSWER).decode() if row.answer else ""
    except sealed.Unreadable:
        return ""
