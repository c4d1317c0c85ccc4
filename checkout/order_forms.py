"""What an operator is asked before something is done to one order."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms

from checkout import quantities, shipments
from checkout.confirmation import ReasonForm
from checkout.models import Order, Payment
from checkout.money import display, exponent
from checkout.order_models import LONGEST_KEY
from checkout.untrusted import visible

LINE = "line_"


class KeyedForm(ReasonForm):
    """Sent twice, it is done once."""

    key = forms.CharField(max_length=LONGEST_KEY, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"].initial = uuid.uuid4().hex

    def clean_key(self) -> str:
        return str(self.cleaned_data["key"] or uuid.uuid4().hex)


class TellingForm(KeyedForm):
    description = forms.CharField(
        max_length=500,
        required=False,
        label="For the buyer",
        help_text="Shown to the buyer and the agent. The reason above is not.",
    )


def keyed(order: Order) -> type[forms.Form]:
    return KeyedForm


def telling(order: Order) -> type[forms.Form]:
    return TellingForm


def refund(order: Order) -> type[forms.Form]:
    """How much goes back, up to what is left."""
    return _with(TellingForm, {"amount": _amount(order, required=True)})


def ship(order: Order) -> type[forms.Form]:
    """What is in the parcel, all that is in none by default, and how it is followed."""
    more: dict[str, forms.Field] = {
        "carrier": forms.CharField(max_length=100, required=False),
        "tracking_number": forms.CharField(max_length=100, required=False),
        "tracking_url": forms.CharField(
            max_length=2048, required=False, label="Tracking page", help_text="An https address."
        ),
    }
    return _with(KeyedForm, _lines(order, quantities.unpacked(order), full=True) | more)


def deliver(order: Order) -> type[forms.Form]:
    """Which of the deliveries that are under way."""
    found = [(row.pk, f"{row.type} {row.pk} ({visible(row.status)})") for row in shipments.undelivered(order)]
    first = found[0][0] if found else ""
    return _with(KeyedForm, {"shipment": forms.ChoiceField(choices=found, initial=first, label="Delivery")})


def take_back(order: Order) -> type[forms.Form]:
    """What came back, and how much goes back for it."""
    fields = _lines(order, quantities.sent(order)) | {"amount": _amount(order, required=False)}
    return _with(TellingForm, fields)


def cancel_lines(order: Order) -> type[forms.Form]:
    """What is not part of the order any more, and how much goes back for it."""
    fields = _lines(order, quantities.unpacked(order)) | {"amount": _amount(order, required=False)}
    return _with(TellingForm, fields)


def pieces_in(answers: Mapping[str, Any]) -> dict[str, int]:
    """The lines that were answered with a quantity."""
    found = {name.removeprefix(LINE): said for name, said in answers.items() if name.startswith(LINE)}
    return {line_id: quantity for line_id, quantity in found.items() if quantity}


def minor(order: Order, answers: Mapping[str, Any]) -> int | None:
    """The amount in minor units; None when none was given."""
    given = answers["amount"]
    return None if given is None else int(given.scaleb(exponent(order.currency)))


def _with(base: type[forms.Form], fields: Mapping[str, forms.Field]) -> type[forms.Form]:
    return type("OrderForm", (base,), dict(fields))


def _lines(order: Order, most: Mapping[str, int], *, full: bool = False) -> dict[str, forms.Field]:
    titles = {line["id"]: visible(line["title"]) for line in order.quote["lines"]}
    return {
        LINE + line_id: forms.IntegerField(
            min_value=0,
            max_value=quantity,
            required=False,
            initial=quantity if full else 0,
            label=titles[line_id],
            help_text=f"Pieces, at most {quantity}.",
        )
        for line_id, quantity in most.items()
    }


def _amount(order: Order, *, required: bool) -> forms.Field:
    payment = Payment.objects.get(pk=order.payment_id)
    left = display(payment.amount - payment.refunded, payment.currency)
    usual = "" if required else " Empty: what these pieces cost. 0: nothing."
    return forms.DecimalField(
        min_value=0,
        max_digits=14,
        decimal_places=exponent(order.currency),
        required=required,
        help_text=f"In {order.currency.upper()}, at most {left}.{usual}",
    )
