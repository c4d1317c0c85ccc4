"""Text messages to the person who must act: one line that a phone shows whole."""

from __future__ import annotations

import logging

from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_variables

from interventions import translation
from interventions.ports import Contact, TextMessages

TEXT = gettext_noop("%(code)s is your one-time code for %(amount)s at %(merchant)s, wanted by %(agent)s.")

LONGEST_NAMES = (40, 30, 20, 12)
"""Names are cut to the first of these with which everything fits into one message."""
LONGEST_PLAIN, LONGEST_OTHER = 160, 70
"""Characters of one message, in the alphabet of phones and in any other."""

_ALPHABET = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_COSTS_TWO = frozenset("^{}\\[~]|€")
_LINKS = frozenset(".:/@\u3002\uff0e\uff61")
"""What makes an address of a word; dots of other scripts do so too."""

log = logging.getLogger("agentic.effects")


class NotSent(Exception):
    """The merchant's part could not hand the text over; it may be tried again. Quotes nothing, because
    what went wrong there may quote the code."""


@sensitive_variables("code", "text")
def send_one_time_code(contact: Contact, code: str, *, part: TextMessages, id: str) -> None:
    """The text with the code is on its way. `id` names this one text. Raises NotSent."""
    text = composed(contact, code)
    try:
        part.send(contact.phone, text, id=id)
    except Exception as failure:
        log.warning("%s: the text was not sent: %s", id, type(failure).__name__)
        raise NotSent(type(failure).__name__) from None


@sensitive_variables("code", "text")
def composed(contact: Contact, code: str) -> str:
    """Code, amount, merchant and who asks, in the contact's language, in one message if that can be."""
    template = translation.words(contact.locale)(TEXT)
    text = ""
    for longest in LONGEST_NAMES:
        text = template % {
            "code": code,
            "amount": " ".join(contact.amount_text.split()),
            "merchant": _name(contact.merchant, longest),
            "agent": _name(contact.requested_by, longest),
        }
        if fits(text):
            break
    return text


def fits(text: str) -> bool:
    """It is one message, and not several."""
    if all(letter in _ALPHABET or letter in _COSTS_TWO for letter in text):
        return sum(2 if letter in _COSTS_TWO else 1 for letter in text) <= LONGEST_PLAIN
    return len(text.encode("utf-16-le", "replace")) // 2 <= LONGEST_OTHER


def _name(text: str, longest: int) -> str:
    """One short line in which no phone finds an address to open: a name is not ours to vouch for."""
    visible = "".join(letter if letter.isprintable() and letter not in _LINKS else " " for letter in text)
    return " ".join(visible.split())[:longest].strip()
