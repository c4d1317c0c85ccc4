"""Messages to the merchant; not there where he names no mail address (agents-json.md section 2)."""

from __future__ import annotations

import re

from django.db import transaction

from gateway import contact_mail
from gateway.interaction_api.capabilities import Call, Capability, Param, Seal
from gateway.interaction_api.refusals import Refused

_PLAUSIBLE = re.compile(r"[^@\s<>\",;:]+@[^@\s<>\",;:]+\.[^@\s<>\",;:.]+")


def contact(call: Call, seal: Seal) -> None:
    """The message is stored, and mailed as soon as that can be done."""
    if not _PLAUSIBLE.fullmatch(call.params["email"]) or not call.params["email"].isprintable():
        raise Refused("The parameter 'email' must be an e-mail address.")
    for name in ("name", "message"):
        if not call.params[name].strip():
            raise Refused(f"The parameter '{name}' must not be empty.")
    with transaction.atomic(durable=True):
        contact_mail.take(
            name=call.params["name"],
            email=call.params["email"],
            message=call.params["message"],
            session=call.session.pk if call.session else "",
        )
        seal({"sent": True})


CAPABILITIES = (
    Capability(
        name="contact",
        method="POST",
        path="/contact",
        handler=contact,
        description="Send a message to the merchant.",
        params={
            "name": Param("string", "Who writes.", required=True, least=1, most=contact_mail.LONGEST_NAME),
            "email": Param(
                "string", "Where an answer goes.", required=True, least=3, most=contact_mail.LONGEST_EMAIL
            ),
            "message": Param(
                "string", "What to say.", required=True, least=1, most=contact_mail.LONGEST_MESSAGE
            ),
        },
        enabled=lambda: bool(contact_mail.address()),
    ),
)
