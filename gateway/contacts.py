"""How the person behind a session can be reached, and what they are told about it."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from checkout import reaching
from checkout.models import CheckoutSession
from checkout.money import display
from checkout.untrusted import visible
from gateway import agents, languages
from gateway.conf import conf
from gateway.session_models import AgentSession
from interventions import translation
from interventions.channels.by_name import EMAIL, SMS
from interventions.ports import Contact

LONGEST_LIST = 3
LONGEST_PURPOSE = 200
VISIT = "session:"
"""What the owners begin with that are visits of the Interaction API (decision 8)."""


def of_session(session_id: str) -> Contact | None:
    """Whom a one-time code goes to, or None when the session or everything that leads there is gone."""
    session = CheckoutSession.objects.filter(pk=session_id).first()
    destinations = reaching.destinations(session) if session else {}
    if session is None or not destinations:
        return None
    lines = [f"{line['quantity']} x {line['title']}" for line in session.quote["lines"]]
    more = len(lines) - LONGEST_LIST
    language = languages.of_session(session)
    words = translation.words(language)
    items = ", ".join(lines[:LONGEST_LIST])
    if more > 0:
        items = words(gettext_noop("%(items)s and %(more)s more")) % {"items": items, "more": more}
    return Contact(
        address=destinations.get(EMAIL, ""),
        merchant=conf().MERCHANT_NAME,
        amount_text=display(session.total, session.currency),
        items_text=items,
        requested_by=requested_by(session.owner, language),
        locale=language,
        phone=destinations.get(SMS, ""),
    )


def requested_by(owner: str, language: str) -> str:
    """The agent's name: its own for itself, which is untrusted text; or the one that its issuer vouches for,
    and who that is."""
    visit = _visit(owner)
    if visit is not None and visit.agent_name:
        return visible(visit.agent_name)
    agent = None if visit else agents.of_owner(owner)
    return agents.shown(agent) if agent else translation.words(language)(gettext_noop("an agent"))


def purpose(owner: str) -> str:
    """What a visiting agent said it came for, or "": its own words, which nobody has checked."""
    visit = _visit(owner)
    return visible(visit.purpose, longest=LONGEST_PURPOSE) if visit else ""


def _visit(owner: str) -> AgentSession | None:
    if not owner.startswith(VISIT):
        return None
    return AgentSession.objects.filter(pk=owner.removeprefix(VISIT)).first()
