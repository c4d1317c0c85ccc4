"""How the provider's books and ours can differ: in plain words, and what an operator does then."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models


class Kind(models.TextChoices):
    CHARGED_WITHOUT_ATTEMPT = "charged_without_attempt", "charged, and no attempt of ours"
    CHARGED_TWICE = "charged_twice", "charged twice"
    CHARGED_WITHOUT_ORDER = "charged_without_order", "charged without an order"
    ORDER_WITHOUT_CHARGE = "order_without_charge", "order without its money"
    AMOUNT_DIFFERS = "amount_differs", "the amount differs"
    CURRENCY_DIFFERS = "currency_differs", "the currency differs"
    CAPTURE_MISSING = "capture_missing", "captured here, not there"
    CAPTURED_UNKNOWN_TO_US = "captured_unknown_to_us", "captured there, not here"
    VOID_MISSING = "void_missing", "voided here, still held there"
    REFUND_DIFFERS = "refund_differs", "the refunds differ"
    UNKNOWN_FOR_TOO_LONG = "unknown_for_too_long", "unknown for too long"
    NOT_HANDED_OVER = "not_handed_over", "order unknown to the merchant"
    NOT_CAPTURED = "not_captured", "authorized for too long"
    NOT_RELEASED = "not_released", "canceled, its money still held"
    NOT_GIVEN_BACK = "not_given_back", "money without an order not given back"


@dataclass(frozen=True, slots=True)
class Words:
    """What an operator reads of a kind."""

    means: str
    do: str


WORDS: dict[str, Words] = {
    Kind.CHARGED_WITHOUT_ATTEMPT: Words(
        "The provider holds or took money and names no attempt that we made.",
        "Find the payment by its reference in the provider's dashboard. If it is not another shop's on the "
        "same account, give it back there. If other shops share the account, set RECONCILE_SHARED_ACCOUNT.",
    ),
    Kind.CHARGED_TWICE: Words(
        "The session has its order and its money, and the provider holds or took money for it once more.",
        "Ask the provider again from here: what belongs to no order is given back. If the break stays, "
        "refund this reference, and not the order's own, in the provider's dashboard.",
    ),
    Kind.CHARGED_WITHOUT_ORDER: Words(
        "The provider holds or took money for an attempt that led to no order.",
        "Ask the provider again from here: the order is placed if it still may be, else the money is given "
        "back. If the break stays, void or refund the reference in the provider's dashboard.",
    ),
    Kind.ORDER_WITHOUT_CHARGE: Words(
        "The order is placed, and the provider holds and took nothing for it.",
        "Do not ship. Find the payment in the provider's dashboard; if the money is not there, cancel the "
        "order or ask the buyer to pay another way. Nothing is charged from here.",
    ),
    Kind.AMOUNT_DIFFERS: Words(
        "The provider holds or took another amount than the order's.",
        "If it is more than the order's, refund the difference in the provider's dashboard. If it is less, "
        "somebody captured a part: agree with the buyer, then close the break.",
    ),
    Kind.CURRENCY_DIFFERS: Words(
        "The provider holds or took another currency than the order's.",
        "Do not ship. Look at the payment in the provider's dashboard, and at how the account is set up.",
    ),
    Kind.CAPTURE_MISSING: Words(
        "Our books say that the money was taken; the provider says that it is only held.",
        "Capture it in the provider's dashboard before the authorization ends, usually within seven days.",
    ),
    Kind.CAPTURED_UNKNOWN_TO_US: Words(
        "The provider took the money; our books say that it is only held.",
        "Ask the provider again from here: what it says is recorded. Nothing is charged.",
    ),
    Kind.VOID_MISSING: Words(
        "Our books say that the money was let go; the provider still holds it.",
        "Ask the provider again from here: it is voided. If the break stays, void it in its dashboard.",
    ),
    Kind.REFUND_DIFFERS: Words(
        "The provider gave back another amount than our books say.",
        "If somebody refunded in the provider's dashboard, tell the order so and close the break. "
        "If it gave back less, refund the rest.",
    ),
    Kind.UNKNOWN_FOR_TOO_LONG: Words(
        "An attempt has had no known outcome for longer than any call can take, or is paid and still has no "
        "order.",
        "Ask the provider again from here. If it stays, the provider does not answer: look there.",
    ),
    Kind.NOT_HANDED_OVER: Words(
        "The order was to be handed to the merchant's own system, every try failed, and it was given up.",
        "Mend the order system, then run the message again under Outbox messages.",
    ),
    Kind.NOT_CAPTURED: Words(
        "The money of an order is authorized and was to be taken, and nobody tries to any more.",
        "Run its message checkout.capture again under Outbox messages, or capture the payment on its own "
        "page. If the provider refuses, ask the buyer to pay another way. An authorization ends by itself, "
        "usually within seven days.",
    ),
    Kind.NOT_RELEASED: Words(
        "The order is canceled and its money was to be let go; every try failed, and it was given up.",
        "Ask the provider again from here: it is let go. If the break stays, void it in the provider's "
        "dashboard.",
    ),
    Kind.NOT_GIVEN_BACK: Words(
        "Money that led to no order was to be voided or refunded, and it was given up: every try failed, or "
        "the provider says that the refund has failed.",
        "Look at the payment in the provider's dashboard. Run its message checkout.undo again under Outbox "
        "messages, or give the money back there, then close the break.",
    ),
}

HEALABLE = frozenset(
    {
        Kind.CHARGED_TWICE,
        Kind.CHARGED_WITHOUT_ORDER,
        Kind.CAPTURED_UNKNOWN_TO_US,
        Kind.VOID_MISSING,
        Kind.UNKNOWN_FOR_TOO_LONG,
        Kind.NOT_RELEASED,
    }
)
"""What a verb of ours can put right without charging anybody."""
SOMETIMES_HEALABLE = frozenset({Kind.REFUND_DIFFERS})
"""Where one of the reasons is that we did not hear something."""
