"""Mail to the person who must act. Plain text; what agents wrote cannot leave its line."""

from __future__ import annotations

from django.core.mail import EmailMessage
from django.views.decorators.debug import sensitive_variables

from interventions.ports import Contact

LONGEST_LINE = 200
MOST_ITEMS = 20


@sensitive_variables("code", "text")
def send_one_time_code(contact: Contact, code: str, *, minutes: int) -> None:
    """The mail with the code is on its way. Raises what the mail backend raises.

    It names merchant, goods, amount and who asks, so that the person knows what the code is
    good for before giving it away. At least once: a mail cannot be recognised as a repeat.
    """
    text = "\n".join(
        [
            f"{_line(contact.requested_by)} wants to buy this for you at {_line(contact.merchant)}:",
            "",
            *(f"    {_line(item)}" for item in contact.items_text.splitlines()[:MOST_ITEMS] if item.strip()),
            "",
            f"    Amount: {_line(contact.amount_text)}",
            "",
            f"Your one-time code: {code}",
            "",
            f"It works once, within {minutes} minute{'s' if minutes != 1 else ''}, and only for this "
            "purchase at this amount.",
            "Whoever has it can confirm the purchase in your place.",
            "",
            "You did not ask for this? Then do nothing and tell nobody the code: nothing will be bought.",
            "",
        ]
    )
    EmailMessage(
        subject=f"Your one-time code for {_line(contact.merchant)}",
        body=text,
        to=[contact.address],
        headers={"Auto-Submitted": "auto-generated"},
    ).send(fail_silently=False)


def _line(text: str) -> str:
    """One line without control characters, however it came."""
    visible = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(visible.split())[:LONGEST_LINE]
