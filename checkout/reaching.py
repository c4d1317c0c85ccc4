"""How the person behind a session can be reached for a one-time code, and how the agent wants it.

The merchant allows the ways (setting `OTP_CHANNELS`), and the session holds what they lead to. The
first that leads somewhere is taken, unless the agent asked for another one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_noop

from checkout.errors import Invalid
from checkout.models import CheckoutSession
from checkout.problems import Problem, problem
from interventions.channels.by_name import EMAIL, SMS
from interventions.phones import e164
from interventions.ports import ports

WISH = "code_channel"
"""Among the extras of a session: the way that its agent asked for."""
WHERE = "$.intervention_response.channel"

DISGUISED = frozenset('"\\[]')


def contact(session: CheckoutSession) -> str:
    """The buyer's e-mail address, or the delivery's.

    Not at a quoted name or a bare network address: one mailbox would have many spellings, and
    each would be counted by itself (T14).
    """
    for address in _given(session, "email"):
        if not DISGUISED.intersection(address):
            return address
    return ""


def phone(session: CheckoutSession) -> str:
    """The buyer's telephone number, or the delivery's, in its one spelling; "" when there is none
    that can be dialled from anywhere."""
    return next((number for written in _given(session, "phone_number") if (number := e164(written))), "")


def destinations(session: CheckoutSession) -> Mapping[str, str]:
    """Where a code may go, by the name of the way, the preferred way first."""
    known = {EMAIL: contact, SMS: phone}
    found = {name: known[name](session) for name in ports().channels}
    return {name: destination for name, destination in found.items() if destination}


def chosen(session: CheckoutSession) -> tuple[str, str]:
    """The way that codes go now, and where to; two empty texts when there is none."""
    found = destinations(session)
    wish = session.extras.get(WISH, "")
    name = wish if wish in found else next(iter(found), "")
    return name, found.get(name, "")


def prefer(session: CheckoutSession, wish: object) -> None:
    """Codes of the session go the way its agent asked for, from the next one on. Raises Invalid for
    one that the merchant does not allow, or that leads nowhere."""
    found = destinations(session)
    if not isinstance(wish, str) or wish not in found:
        names = ", ".join(found) or "none"
        raise Invalid(f"One-time codes can go to this buyer by: {names}.", param=WHERE)
    session.extras = {**session.extras, WISH: wish}


def unreachable() -> Problem:
    """The session says nowhere a code could go."""
    if SMS not in ports().channels:
        text = gettext_noop("An e-mail address of the buyer is needed, to send a one-time code to.")
    elif EMAIL in ports().channels:
        text = gettext_noop(
            "An e-mail address or a phone number of the buyer is needed, to send a one-time code to."
        )
    else:
        text = gettext_noop(
            "A phone number of the buyer is needed, with its country code, to send a one-time code to."
        )
    sms_only = ports().channels == (SMS,)
    param = "$.buyer.phone_number" if sms_only else "$.buyer.email"
    return problem("error", "missing", text, param=param, resolution="requires_buyer_input")


def no_mailbox() -> Problem:
    """The session names no mailbox, and passkeys belong to one."""
    text = gettext_noop("An e-mail address of the buyer is needed: a passkey belongs to one.")
    return problem("error", "missing", text, param="$.buyer.email", resolution="requires_buyer_input")


def _given(session: CheckoutSession, member: str) -> list[str]:
    sources: tuple[Mapping[str, Any] | None, ...] = (session.buyer, session.fulfillment_details)
    return [str(source[member]) for source in sources if source and source.get(member)]
