"""Cards of the test mode by their tokens and numbers, and permissions that agents grant to use them."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

from tests.stripe_double.answers import Answer, Form, member, missing, only, wrong
from tests.stripe_double.setup_intents import PUBLISHABLE_KEY


@dataclass(frozen=True)
class Card:
    """What its bank does. `asks`: it wants to see the holder, whoever asks."""

    brand: str = "visa"
    decline: tuple[str, str] | None = None
    """The code and the decline code."""
    asks: bool = False
    processes: bool = False
    """The payment stays in processing."""


NUMBERS = {
    "4242424242424242": Card(),
    "5555555555554444": Card("mastercard"),
    "378282246310005": Card("amex"),
    "4000000000000002": Card(decline=("card_declined", "generic_decline")),
    "4000000000009995": Card(decline=("card_declined", "insufficient_funds")),
    "4000000000009987": Card(decline=("card_declined", "lost_card")),
    "4000000000009979": Card(decline=("card_declined", "stolen_card")),
    "4000000000000069": Card(decline=("expired_card", "")),
    "4000000000000127": Card(decline=("incorrect_cvc", "")),
    "4000000000000119": Card(decline=("processing_error", "")),
    "4000000000003220": Card(asks=True),
    "4000008400001629": Card(asks=True, decline=("card_declined", "generic_decline")),
}
NAMED = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "pm_card_threeDSecureRequiredChargeDeclined": "4000008400001629",
}


class Wallet:
    """Payment methods and granted tokens of the account."""

    def __init__(self) -> None:
        self.methods: dict[str, tuple[dict[str, Any], Card]] = {}
        self.granted: dict[str, dict[str, Any]] = {}
        self.takes_numbers = True
        """The account may send numbers of cards, which most may not."""
        self.used_by: dict[str, str] = {}
        """Which intent a payment method that belongs to no customer was used for; it is good for that."""
        self.spelling = "payment_method_data[shared_payment_granted_token]"

    def make(self, form: Form) -> dict[str, Any]:
        fields = only(
            form,
            "type",
            r"card\[(number|exp_month|exp_year|cvc)\]",
            r"billing_details\[(name|email|phone)\]",
            r"billing_details\[address\]\[(line1|line2|city|state|country|postal_code)\]",
            r"metadata\[[a-z_]{1,40}\]",
        )
        if fields.get("type") != "card":
            raise wrong("This double knows cards only", param="type")
        if not self.takes_numbers:
            raise wrong("Sending credit card numbers directly to the Stripe API is generally unsafe.")
        card = member(fields, "card")
        for name in ("number", "exp_month", "exp_year"):
            if not card.get(name):
                raise wrong(f"Missing required param: card[{name}].", "parameter_missing", param=name)
        return self._keep(_judged(card), card["number"][-4:], member(fields, "metadata"))

    def make_at_a_page(self, form: Form) -> dict[str, Any]:
        """As a page makes one, with the publishable key; a page may send numbers, and reads no metadata."""
        fields = dict(form)
        if fields.pop("key", "") != PUBLISHABLE_KEY:
            raise Answer(401, type="invalid_request_error", message="Invalid API Key provided")
        takes, self.takes_numbers = self.takes_numbers, True
        try:
            made = self.make(list(fields.items()))
        finally:
            self.takes_numbers = takes
        return {name: value for name, value in made.items() if name != "metadata"}

    def method(self, name: str) -> tuple[dict[str, Any], Card]:
        """What was made, or one of the names that always work; each use of those is a new one."""
        if name in NAMED:
            number = NAMED[name]
            return self.methods[self._keep(NUMBERS[number], number[-4:])["id"]]
        if name not in self.methods:
            raise missing(f"PaymentMethod: '{name}'")
        return self.methods[name]

    def grant(self, form: Form) -> dict[str, Any]:
        fields = only(
            form,
            "payment_method",
            r"usage_limits\[(currency|max_amount|expires_at)\]",
            r"seller_details\[(network_id|external_id)\]",
        )
        limits = member(fields, "usage_limits")
        method, _ = self.method(fields["payment_method"])
        token = {
            "id": f"spt_{secrets.token_hex(12)}",
            "object": "shared_payment.granted_token",
            "created": int(time.time()),
            "livemode": False,
            "deactivated_at": None,
            "deactivated_reason": None,
            "usage_limits": {
                "currency": limits["currency"],
                "max_amount": int(limits["max_amount"]),
                "expires_at": int(limits["expires_at"]),
            },
        }
        self.granted[token["id"]] = token | {"method": method["id"]}
        return token

    def token(self, name: str) -> dict[str, Any]:
        if name not in self.granted:
            raise missing(f"shared_payment_granted_token: '{name}'")
        return {key: value for key, value in self.granted[name].items() if key != "method"}

    def revoke(self, name: str) -> dict[str, Any]:
        self.token(name)
        self.granted[name].update(deactivated_at=int(time.time()), deactivated_reason="revoked")
        return self.token(name)

    def behind(self, name: str, amount: int, currency: str) -> tuple[dict[str, Any], Card]:
        """The card for which the token is a permission to take this. Raises Answer."""
        self.token(name)
        token = self.granted[name]
        limits = token["usage_limits"]
        if token["deactivated_at"]:
            raise wrong(f"The shared payment token {name} is not active.")
        if limits["expires_at"] <= time.time():
            raise wrong(f"The shared payment token {name} has expired.")
        if limits["currency"] != currency or limits["max_amount"] < amount:
            raise wrong(f"The amount is over the usage limits of {name}.")
        return self.methods[token["method"]]

    def use(self, method: str, intent: str) -> None:
        """Raises Answer for one that another intent had."""
        if self.used_by.setdefault(method, intent) != intent:
            raise wrong(
                "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
                "attachment, and may not be used again."
            )

    def used(self, name: str) -> None:
        self.granted[name].update(deactivated_at=int(time.time()), deactivated_reason="consumed")

    def _keep(self, card: Card, last4: str, metadata: dict[str, str] | None = None) -> dict[str, Any]:
        method = {
            "id": f"pm_{secrets.token_hex(12)}",
            "object": "payment_method",
            "type": "card",
            "livemode": False,
            "created": int(time.time()),
            "card": {"brand": card.brand, "last4": last4},
            "customer": None,
            "metadata": metadata or {},
        }
        self.methods[str(method["id"])] = (method, card)
        return method


def _judged(card: dict[str, str]) -> Card:
    """What its bank does. Raises Answer for details that are not a card's."""
    today = time.gmtime()
    if not card["exp_month"].isdigit() or not 1 <= int(card["exp_month"]) <= 12:
        raise _refused("invalid_expiry_month")
    if not card["exp_year"].isdigit() or int(card["exp_year"]) < today.tm_year:
        raise _refused("invalid_expiry_year")
    if "cvc" in card and not (card["cvc"].isdigit() and 3 <= len(card["cvc"]) <= 4):
        raise _refused("invalid_cvc")
    known = NUMBERS.get(card["number"])
    if known is None:
        raise _refused("incorrect_number")
    return known


def _refused(code: str) -> Answer:
    """Stripe's text tells what it was asked with, which nobody may repeat."""
    return Answer(402, kept=True, type="card_error", code=code, message="Your card is incorrect.")
