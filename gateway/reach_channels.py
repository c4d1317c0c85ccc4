"""Which ways lead to people here (setting `REACH_CHANNELS`), and how they are made."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from django.core.exceptions import ImproperlyConfigured

from gateway import keys, outbox, reach_parts, summonses
from gateway.conf import conf
from gateway.persons import persons
from interventions import reaching
from interventions.channels.email_notice import MAIL, MailNotice
from interventions.channels.web_session import OpenPage
from interventions.reach_models import ReachChannel
from interventions.reach_ports import PersonChannel, Ways

log = logging.getLogger("agentic.reaching")

ACCOUNT_MAIL = "mail of an account"


def ways() -> Ways:
    """Those that the settings name, in that order; one that cannot work here is left out."""
    made: dict[str, PersonChannel] = {}
    for kind in conf().REACH_CHANNELS:
        try:
            make = MAKERS.get(kind)
            if make is not None and (part := make()) is not None:
                made[kind] = part
        except ImproperlyConfigured as problem:
            log.warning("Nobody is reached by %s: %s", kind, problem)
    return Ways(parts=made, present_seconds=conf().REACH_PRESENT_SECONDS, waits=summonses.waits)


def address_of(person: str) -> str:
    """Where they can be written to now, as the merchant has confirmed it; "" for nowhere."""
    found = persons().by_id(person)
    return found.email if found is not None else ""


def mail_of(person: str) -> ReachChannel | None:
    """The person's wish about mails; None: they were never asked. Reads only."""
    return ReachChannel.objects.filter(person=person, kind=ReachChannel.EMAIL).first()


def want_mail(person: str, *, wanted: bool) -> None:
    """The person is written to at the address of their account when an agent needs them and they are nowhere
    to be seen, or never again. Nobody is, before they have said so. Repeatable."""
    row = mail_of(person)
    if row is not None:
        reaching.switch(person, row.pk, enabled=wanted)
    elif wanted:
        # No address is kept: it is the account's, whatever that will be.
        mark = keys.digest(person.encode(), ACCOUNT_MAIL)
        reaching.keep(person, ReachChannel.EMAIL, mark, verified=True)


def _mail() -> PersonChannel:
    part = MailNotice(address_of=address_of, merchant=conf().MERCHANT_NAME)
    outbox.register(MAIL, part.send)
    return part


MAKERS: Mapping[str, Callable[[], PersonChannel | None]] = {
    ReachChannel.WEB_SESSION: OpenPage,
    ReachChannel.WEB_PUSH: reach_parts.web_push,
    ReachChannel.WEBHOOK: reach_parts.app_webhook,
    ReachChannel.EMAIL: _mail,
}
"""By kind. None where nothing was set up; each raises ImproperlyConfigured where its settings are wrong."""
