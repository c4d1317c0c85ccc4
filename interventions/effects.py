"""What happens outside the request: the code is sent, overdue interventions end.

Each is safe to run twice, and none may find a transaction open.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from interventions import clarifications, devices, failures, services
from interventions.channels import by_name, email
from interventions.codes import same
from interventions.models import Intervention, Passkey
from interventions.negotiation import CONTACT
from interventions.ports import ports
from interventions.providers import otp

log = logging.getLogger("agentic.effects")


@sensitive_variables("code", "contact", "destination")
def send_code(payload: Mapping[str, Any]) -> None:
    """The person has a code for the challenge, and its keyed hash is stored (decision 38).

    The code is drawn here, so that it is in no queue. A repeat draws a new one and voids the
    one before; no counter starts anew. Nothing is sent for a challenge that is over, or when
    the subject's contact is not the one the challenge was started for (T17). Raises what the
    channel raises.
    """
    row = Intervention.objects.filter(pk=payload["intervention"], challenge=payload["challenge"]).first()
    if row is None or not row.running(timezone.now()):
        return
    contact = ports().destination_of(row.subject)
    channel = row.channel or by_name.EMAIL
    destination = by_name.destinations(contact).get(channel, "") if contact else ""
    if contact is None or not same(otp.digest_of(destination), row.destination_digest):
        log.warning("%s: its contact is not there any more; no code was sent", row.pk)
        return
    code = otp.new_code(row)
    if code is None or row.challenge_expires_at is None:
        return
    left = (row.challenge_expires_at - timezone.now()).total_seconds()
    minutes = max(1, round(left / 60))
    with failures.noticed(row.kind):
        by_name.send_code(
            channel,
            contact,
            code,
            minutes=minutes,
            id=f"{row.pk}-{row.challenge}",
            on_page=row.kind == CONTACT,
        )


@sensitive_variables("contact")
def passkey_made(payload: Mapping[str, Any]) -> None:
    """The contact knows of the new passkey. Nothing is sent when the passkey is gone again, or when
    the subject's contact is somebody else by now."""
    passkey = Passkey.objects.filter(pk=payload["passkey"]).first()
    contact = ports().destination_of(payload["subject"])
    if passkey is None or contact is None or not devices.belongs_to(passkey, contact):
        return
    email.send_new_passkey(contact)


EFFECTS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    otp.SEND_CODE: send_code,
    devices.PASSKEY_MADE: passkey_made,
}


def sweep() -> None:
    """Overdue questions and interventions are ended. Repeatable, and safe beside itself."""
    clarifications.time_out_overdue()
    services.expire_overdue()
