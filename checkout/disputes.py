"""What buyers dispute at the provider: on record with their order, and its end when there is one.

A webhook about a dispute is a hint. What is written down is what the provider's books say when they are
asked, so that its messages may come twice, late and in any order.
"""

from __future__ import annotations

import logging

from checkout import adjustments, orders
from checkout.completion import attempt_of
from checkout.errors import KeyReused, OrderNotFound, ProviderUnavailable
from checkout.models import Order, Payment
from checkout.payments.guard import disputes_of
from checkout.ports import Dispute, ports

log = logging.getLogger("agentic.disputes")


def heard(payment_id: str) -> None:
    """Every dispute of the payment that the provider has on record is a change of its order, and has ended
    where it has; its agent and an operator know.

    Where the provider does not answer, cannot say, or knows of none yet, an operator looks. Raises
    OrderNotFound for money that led to no order, and ProviderUnavailable. Repeatable. No transaction may
    be open.
    """
    payment = Payment.objects.get(pk=payment_id)
    if not Order.objects.filter(payment=payment_id).exists():
        raise OrderNotFound
    try:
        found = disputes_of(ports().payments, attempt_of(payment), payment.reference)
    except ProviderUnavailable:
        # It may lack the right for good, and there are days to answer a dispute.
        orders.disputed(payment_id)
        raise
    for dispute in found or ():
        _record(payment, dispute)
    if not found:
        orders.disputed(payment_id)


def _record(payment: Payment, dispute: Dispute) -> None:
    same = dispute.currency.lower() == payment.currency.lower()
    try:
        adjustments.dispute(
            payment.pk,
            key=dispute.key,
            amount=dispute.amount if same else None,
            reason=dispute.reason,
            occurred_at=dispute.opened_at,
        )
    except KeyReused:
        log.error("the amount of dispute %s of payment %s has changed", dispute.key, payment.pk)
        orders.disputed(payment.pk)
    if dispute.state != "open":
        adjustments.dispute_ended(payment.pk, key=dispute.key, lost=dispute.state == "lost")
