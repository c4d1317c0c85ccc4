"""Mail that says that somebody is needed: for whoever waits for minutes, and only to who asked for it.

It holds a link to a page of ours where they sign in, and nothing that an agent wrote but its name: no code,
no other address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_variables

from interventions import translation
from interventions.channels.email import line
from interventions.ports import ports
from interventions.reach_models import ReachAttempt, ReachChannel
from interventions.reach_ports import ChannelGone, Notice, NotReached, ways

MAIL = "reach.mail"
"""The outbox kind."""
MOST_AN_HOUR = 12
"""Mails to one person, whatever their agents ask for (AA-218)."""

ASKS = gettext_noop("%(title)s, and waits for you at %(merchant)s:")
SIGN_IN = gettext_noop(
    "You will be asked to sign in. %(merchant)s never asks for a password, a code or a card by mail."
)
UNWANTED = gettext_noop(
    "You do not want this? Then do nothing. In your account you can say no, or stop the agent and these "
    "mails."
)


@dataclass(frozen=True, slots=True)
class MailNotice:
    """`PersonChannel` by mail. `address_of` says where a person can be written to, "" for nowhere: the
    address that the merchant has confirmed, as it is now, and none of our own."""

    address_of: Callable[[str], str] = field(repr=False)
    merchant: str

    kind = ReachChannel.EMAIL
    slow = True

    def is_ready(self, channel: ReachChannel, now: datetime) -> bool:
        return bool(self.address_of(channel.person))

    def reach(self, channel: ReachChannel, notice: Notice) -> None:
        """The mail will leave, unless what it is about ends before. Raises ChannelGone when there is no
        address any more, and NotReached after too many."""
        if not self.address_of(channel.person):
            raise ChannelGone
        lately = ReachAttempt.objects.filter(channel=channel, at__gt=timezone.now() - timedelta(hours=1))
        if lately.filter(result=ReachAttempt.TAKEN).count() >= MOST_AN_HOUR:
            raise NotReached
        payload = {
            "channel": channel.pk,
            "subject": notice.subject,
            "title": notice.title,
            "url": notice.url,
            "language": notice.language,
            "until": notice.expires_at.isoformat() if notice.expires_at else "",
        }
        with transaction.atomic():
            ports().outbox.add(MAIL, payload)

    @sensitive_variables("address")
    def send(self, payload: Mapping[str, Any]) -> None:
        """The effect: the person has the mail. Nothing is sent when it is too late, nobody waits any more, or
        they do not want mails. Raises what the mail backend raises. At least once."""
        channel = ReachChannel.objects.filter(pk=payload["channel"], enabled=True).first()
        until = parse_datetime(payload["until"]) if payload["until"] else None
        if channel is None or (until is not None and until <= timezone.now()):
            return
        address = self.address_of(channel.person)
        if not address or not ways().waits(payload["subject"]):
            return
        words = translation.words(payload["language"])
        title, merchant = line(payload["title"]), line(self.merchant)
        text = "\n".join(
            [
                words(ASKS) % {"title": title, "merchant": merchant},
                "",
                f"    {payload['url']}",
                "",
                words(SIGN_IN) % {"merchant": merchant},
                "",
                words(UNWANTED),
                "",
            ]
        )
        EmailMessage(
            subject=title, body=text, to=[address], headers={"Auto-Submitted": "auto-generated"}
        ).send(fail_silently=False)
