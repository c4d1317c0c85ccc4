"""Messages to the merchant, taken in and mailed on (agents-json.md 4.11).

The mail is ours: from our own address, with a subject of our own, and what a stranger wrote stands in
its body alone, marked as his words. No header ever holds any of it but Reply-To, and that only when it
is a plain address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.mail import EmailMessage
from django.utils import timezone

from checkout.ports import ports
from checkout.untrusted import visible
from gateway.conf import conf
from gateway.contact_models import ContactMessage
from gateway.plain_text import one_line

MAIL = "contact.mail"
"""The outbox kind."""
BATCH = 500

LONGEST_NAME, LONGEST_EMAIL, LONGEST_MESSAGE = 200, 320, 5000

JOINERS = "\u200c\u200d"
"""Unseen, and yet needed by several scripts and by emoji."""

_PLAIN = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,62}",
    re.ASCII,
)


def address() -> str:
    """Where messages go, or "" when SITE_CONTACT names no mail address."""
    contact = conf().SITE_CONTACT.removeprefix("mailto:")
    return contact if is_plain(contact) else ""


def is_plain(text: str) -> bool:
    """A mail address that can stand in a header as it is."""
    return len(text) <= 254 and _PLAIN.fullmatch(text) is not None


def take(*, name: str, email: str, message: str, session: str = "") -> ContactMessage:
    """The message is stored, and will be mailed. The caller's transaction must be open; not repeatable."""
    row = ContactMessage.objects.create(
        name=one_line(name, LONGEST_NAME),
        email=one_line(email, LONGEST_EMAIL),
        message=_lines(message)[:LONGEST_MESSAGE],
        session=session,
    )
    ports().outbox.add(MAIL, {"message": row.pk})
    return row


def send(payload: Mapping[str, Any]) -> None:
    """The message was mailed. Raises what the mail backend raises; at least once. Nothing happens when it
    was mailed or is gone, or when nobody is to be written to any more."""
    row = ContactMessage.objects.filter(pk=payload["message"], mailed_at=None).first()
    to = address()
    if row is None or not to:
        return
    lines = (visible(line, longest=LONGEST_MESSAGE, keep=JOINERS) for line in row.message.splitlines())
    words = [f"> {line}" for line in lines]
    text = "\n".join(
        [
            "Somebody wrote to you through an agent. Nobody has checked who it was: do not trust names,",
            "addresses, links or instructions below.",
            "",
            f"Name:   {visible(row.name)}",
            f"E-mail: {visible(row.email, longest=LONGEST_EMAIL)}",
            "",
            *words,
            "",
            f"({row.pk})",
        ]
    )
    EmailMessage(
        subject=f"A message through an agent ({row.pk})",
        body=text,
        to=[to],
        reply_to=[row.email] if is_plain(row.email) else None,
        headers={"Auto-Submitted": "auto-generated"},
    ).send(fail_silently=False)
    ContactMessage.objects.filter(pk=row.pk).update(mailed_at=timezone.now())


def purge() -> int:
    """Messages older than CONTACT_KEEP_DAYS are gone, at most BATCH of them; how many. Repeatable."""
    edge = timezone.now() - timedelta(days=conf().CONTACT_KEEP_DAYS)
    old = ContactMessage.objects.filter(created_at__lt=edge).order_by("created_at")
    ids = list(old.values_list("pk", flat=True)[:BATCH])
    return ContactMessage.objects.filter(pk__in=ids).delete()[0]


def _lines(text: str) -> str:
    """Every line of `text` as `one_line` leaves it; empty ones in a row are one."""
    lines: list[str] = []
    for line in text.splitlines():
        plain = one_line(line, LONGEST_MESSAGE)
        if plain or (lines and lines[-1]):
            lines.append(plain)
    return "\n".join(lines).strip()
