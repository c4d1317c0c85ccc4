"""What an operator does to one order: the same verbs as the merchant's stack, with permission and reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from checkout import cancellations, order_forms, orders, quantities, refunds, shipments
from checkout.confirmation import Decision, ask, onward
from checkout.errors import CheckoutError
from checkout.models import Order, Payment
from checkout.money import display
from checkout.screens import ACT, Screen
from checkout.states import PaymentState

Answers = Mapping[str, Any]
Verb = Callable[[Order, Answers, str], str]
"""Does it for this order, with these answers and by this operator; what was done, in words."""


class OrderActions(Screen):
    """The buttons of an order's page. Each is offered while it can be done, and done once per form."""

    actions = ("refund", "ship", "deliver", "take_back", "cancel_lines", "cancel", "dealt_with")

    REFUND: ClassVar = Decision(
        action="refund",
        title="Give money back",
        will="The amount goes back to the buyer through the payment provider, once. The agent and the "
        "buyer's page say so; what was bought stays part of the order.",
        button="Give it back",
    )
    SHIP: ClassVar = Decision(
        action="ship",
        title="Mark as sent",
        will="These pieces are on their way, or ready where the buyer fetches them: the agent and the "
        "buyer's page say so.",
        button="They are sent",
    )
    CAPTURES: ClassVar = " The money of the order is taken when its first pieces leave."
    DELIVER: ClassVar = Decision(
        action="deliver",
        title="Mark as delivered",
        will="The delivery has reached the buyer: the agent and the buyer's page say so.",
        button="It has arrived",
    )
    TAKE_BACK: ClassVar = Decision(
        action="take_back",
        title="Take back what was returned",
        will="These pieces are not part of the order any more, and the buyer has back what they cost. "
        "The stock is not changed: look at the goods first.",
        button="Take back",
    )
    CANCEL_LINES: ClassVar = Decision(
        action="cancel_lines",
        title="Cancel pieces of the order",
        will="These pieces will not be sent, can be sold again, and the buyer has back what they cost. Money "
        "that was not taken yet is taken first, all of it, and their share goes back right after.",
        button="Cancel these pieces",
    )
    CANCEL: ClassVar = Decision(
        action="cancel",
        title="Cancel the order",
        will="Nothing of the order will be sent, its pieces can be sold again, and all its money goes back: "
        "an authorization is let go, what was taken is refunded. The agent is told. There is no way back.",
        button="Cancel the order",
    )
    DEALT_WITH: ClassVar = Decision(
        action="dealt_with",
        title="Nobody has to look any more",
        will="The order leaves the list of those that need somebody. Nothing else changes.",
        button="It is dealt with",
    )

    def offers(self, action: str, row: Order) -> bool:
        match action:
            case "refund":
                payment = Payment.objects.get(pk=row.payment_id)
                return payment.state == PaymentState.CAPTURED and payment.refunded < payment.amount
            case "ship":
                return bool(quantities.unpacked(row))
            case "deliver":
                return bool(shipments.undelivered(row))
            case "take_back":
                return bool(quantities.sent(row))
            case "cancel_lines" | "cancel":
                rows = quantities.of(row).values()
                loose = any(line.current > line.packed for line in rows)
                return loose and (action == "cancel_lines" or not any(line.packed for line in rows))
            case _:
                return row.attention != ""

    @admin.action(description="Refund", permissions=[ACT])
    def refund(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        return self._carry_out(request, queryset, self.REFUND, order_forms.refund, _refund)

    @admin.action(description="Mark as sent", permissions=[ACT])
    def ship(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        decision = self.SHIP
        if cancellations.captures_on_shipment():
            decision = replace(decision, will=decision.will + self.CAPTURES)
        return self._carry_out(request, queryset, decision, order_forms.ship, _ship)

    @admin.action(description="Mark as delivered", permissions=[ACT])
    def deliver(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        return self._carry_out(request, queryset, self.DELIVER, order_forms.deliver, _deliver)

    @admin.action(description="Take back returned pieces", permissions=[ACT])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        return self._carry_out(request, queryset, self.TAKE_BACK, order_forms.take_back, _take_back)

    @admin.action(description="Cancel pieces", permissions=[ACT])
    def cancel_lines(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        return self._carry_out(request, queryset, self.CANCEL_LINES, order_forms.cancel_lines, _cancel_lines)

    @admin.action(description="Cancel the order", permissions=[ACT])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        return self._carry_out(request, queryset, self.CANCEL, order_forms.telling, _cancel)

    @admin.action(description="Dealt with", permissions=[ACT])
    def dealt_with(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        return self._carry_out(request, queryset, self.DEALT_WITH, order_forms.keyed, _dealt_with)

    def _carry_out(
        self,
        request: HttpRequest,
        queryset: QuerySet[Order],
        decision: Decision,
        form: Callable[[Order], type[forms.Form]],
        verb: Verb,
    ) -> HttpResponse | None:
        """Asks, and once confirmed calls `verb`; every outcome has its audit line."""
        rows = list(queryset[:2])
        if len(rows) != 1:
            self.message_user(request, "Choose one order at a time.", messages.ERROR)
            return None
        confirmed = ask(self, request, queryset, decision, form(rows[0]))
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        [order] = confirmed.rows
        try:
            said = verb(order, confirmed.answers, f"operator:{request.user.get_username()}")
        except CheckoutError as refusal:
            self.note(request, order, f"Not done ({refusal.code}): {decision.title}: {confirmed.reason}")
            self.message_user(request, f"Order {order.pk}: {refusal.message}", messages.ERROR)
        else:
            self.note(request, order, f"{said} {confirmed.reason}")
            self.message_user(request, f"Order {order.pk}: {said}", messages.SUCCESS)
        return onward(request, confirmed.rows)


def _refund(order: Order, answers: Answers, by: str) -> str:
    made = refunds.request(
        order.pk,
        key=answers["key"],
        amount=order_forms.minor(order, answers),
        reason=answers["reason"],
        description=answers["description"],
        actor=by,
    )
    return f"{display(made.amount, made.currency)} are to go back ({made.pk})."


def _ship(order: Order, answers: Answers, by: str) -> str:
    made = shipments.ship(
        order.pk,
        key=answers["key"],
        lines=order_forms.pieces_in(answers),
        carrier=answers["carrier"],
        tracking_number=answers["tracking_number"],
        tracking_url=answers["tracking_url"],
        actor=by,
    )
    return f"Delivery {made.pk} is {made.status}."


def _deliver(order: Order, answers: Answers, by: str) -> str:
    shipments.deliver(answers["shipment"], key=answers["key"], actor=by)
    return f"Delivery {answers['shipment']} has arrived."


def _take_back(order: Order, answers: Answers, by: str) -> str:
    cancellations.take_back(
        order.pk,
        order_forms.pieces_in(answers),
        key=answers["key"],
        amount=order_forms.minor(order, answers),
        description=answers["description"],
        actor=by,
    )
    return "Pieces were taken back."


def _cancel_lines(order: Order, answers: Answers, by: str) -> str:
    cancellations.cancel_lines(
        order.pk,
        order_forms.pieces_in(answers),
        key=answers["key"],
        amount=order_forms.minor(order, answers),
        description=answers["description"],
        actor=by,
    )
    return "Pieces are canceled."


def _cancel(order: Order, answers: Answers, by: str) -> str:
    cancellations.cancel(order.pk, key=answers["key"], description=answers["description"], actor=by)
    return "The order is canceled."


def _dealt_with(order: Order, answers: Answers, by: str) -> str:
    orders.dealt_with(order.pk)
    return "Dealt with."
