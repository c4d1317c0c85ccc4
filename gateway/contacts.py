"""How the person behind a session can be reached, and what they are told about it."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from checkout import obligations
from checkout.models import CheckoutSession
from checkout.money import display
from gateway import languages
from gateway.conf import conf
from gateway.models import Agent
from interventions import translation
from interventions.ports import Contact

LONGEST_LIST = 3


def of_session(session_id: str) -> Contact | None:
    """Whom a one-time code goes to, or None when the session or its address is gone."""
    session = CheckoutSession.objects.filter(pk=session_id).first()
    if session is None or not (address := obligations.contact(session)):
        return None
    agent = Agent.objects.filter(pk=session.owner.removeprefix("key:")).first()
    lines = [f"{line['quantity']} x {line['title']}" for line in session.quote["lines"]]
    more = len(lines) - LONGEST_LIST
    language = languages.of_session(session)
    words = translation.words(language)
    items = ", ".join(lines[:LONGEST_LIST])
    if more > 0:
        items = words(gettext_noop("%(items)s and %(more)s more")) % {"items": items, "more": more}
    return Contact(
        address=address,
        merchant=conf().MERCHANT_NAME,
        amount_text=display(session.total, session.currency),
        items_text=items,
        requested_by=agent.name if agent else words(gettext_noop("an agent")),
        locale=language,
    )
