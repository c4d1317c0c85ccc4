"""Mail to the person who must act. Plain text; what agents wrote cannot leave its line."""

from __future__ import annotations

from django.core.mail import EmailMessage
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_variables

from interventions import translation
from interventions.ports import Contact

ONE_MINUTE = gettext_noop("It works once, within 1 minute, and only for this purchase at this amount.")
MINUTES = gettext_noop(
    "It works once, within %(minutes)s minutes, and only for this purchase at this amount."
)

FOR_THE_AGENT = gettext_noop("Whoever has it can confirm the purchase in your place.")
FOR_THE_PAGE = gettext_noop(
    "Type it on the page of %(merchant)s that you opened, and nowhere else. Do not tell it to your agent: "
    "whoever has it can make a passkey in your name."
)

LONGEST_LINE = 200
MOST_ITEMS = 20


@sensitive_variables("code", "text")
def send_one_time_code(contact: Contact, code: str, *, minutes: int, on_page: bool = False) -> None:
    """The mail with the code is on its way. Raises what the mail backend raises.

    It names merchant, goods, amount and who asks, in the contact's language, so that the person
    knows what the code is good for before giving it away; one for our page (`on_page`) is for nobody
    else. At least once: a mail cannot be recognised as a repeat.
    """
    words = translation.words(contact.locale)
    merchant = {"merchant": line(contact.merchant)}
    by = {"agent": line(contact.requested_by)}
    text = "\n".join(
        [
            words(gettext_noop("%(agent)s wants to buy this for you at %(merchant)s:")) % (by | merchant),
            "",
            *(f"    {line(item)}" for item in contact.items_text.splitlines()[:MOST_ITEMS] if item.strip()),
            "",
            "    " + words(gettext_noop("Amount: %(amount)s")) % {"amount": line(contact.amount_text)},
            "",
            words(gettext_noop("Your one-time code: %(code)s")) % {"code": code},
            "",
            words(ONE_MINUTE if minutes == 1 else MINUTES) % {"minutes": minutes},
            words(FOR_THE_PAGE if on_page else FOR_THE_AGENT) % merchant,
            "",
            words(
                gettext_noop(
                    "You did not ask for this? Then do nothing and tell nobody the code: "
                    "nothing will be bought."
                )
            ),
            "",
        ]
    )
    EmailMessage(
        subject=words(gettext_noop("Your one-time code for %(merchant)s")) % merchant,
        body=text,
        to=[contact.address],
        headers={"Auto-Submitted": "auto-generated"},
    ).send(fail_silently=False)


def send_new_passkey(contact: Contact) -> None:
    """The person is told that a device can confirm purchases for them from now on. Raises what the
    mail backend raises. At least once."""
    words = translation.words(contact.locale)
    merchant = {"merchant": line(contact.merchant)}
    text = "\n".join(
        [
            words(gettext_noop("A passkey was made for this address at %(merchant)s.")) % merchant,
            words(gettext_noop("The device that holds it can confirm purchases for you from now on.")),
            "",
            words(gettext_noop("That was not you? Tell %(merchant)s at once, and have the passkey deleted."))
            % merchant,
            "",
        ]
    )
    EmailMessage(
        subject=words(gettext_noop("Your new passkey for %(merchant)s")) % merchant,
        body=text,
        to=[contact.address],
        headers={"Auto-Submitted": "auto-generated"},
    ).send(fail_silently=False)


def line(text: str) -> str:
    """One line without control characters, however it came."""
    visible = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(visible.split())[:LONGEST_LINE]
