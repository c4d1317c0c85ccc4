"""How one-time codes reach a person: each way by its name, with what it writes to."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from django.views.decorators.debug import sensitive_variables

from interventions.channels import email, sms
from interventions.ports import Contact, ports

EMAIL, SMS = "email", "sms"
NAMES = (EMAIL, SMS)


class NoChannel(Exception):
    """The installation does not write to people this way, or no longer. May be tried again."""


def destinations(contact: Contact) -> Mapping[str, str]:
    """Where each way leads to; an empty text for one that leads nowhere."""
    return {EMAIL: contact.address, SMS: contact.phone}


@sensitive_variables("code", "contact")
def send_code(
    channel: str, contact: Contact, code: str, *, minutes: int, id: str, on_page: bool = False
) -> None:
    """The code is on its way to the contact. Raises what the channel raises, and NoChannel.

    `id` names the challenge; a text of its own gets a name of its own, because a repeat holds
    another code. `on_page`: it is for a page of ours, and for nobody else.
    """
    texts = ports().texts
    if channel == EMAIL:
        email.send_one_time_code(contact, code, minutes=minutes, on_page=on_page)
    elif channel == SMS and texts is not None:
        sms.send_one_time_code(contact, code, part=texts, id=f"{id}-{secrets.token_hex(4)}")
    else:
        raise NoChannel(channel)
