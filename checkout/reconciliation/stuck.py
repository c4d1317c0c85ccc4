"""Effects that nobody is at any more: each try failed, or an answer was final, and an operator has to look.

What is queued is the gateway's; it says here which effects were given up and which are still on their way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from checkout import cancellations, orders
from checkout.models import Order, Payment
from checkout.ports import ports
from checkout.reconciliation import comparing
from checkout.reconciliation.comparing import Found
from checkout.reconciliation.kinds import Kind
from checkout.states import PaymentState

CAPTURE = "checkout.capture"
UNDO = "checkout.undo"

Listed = Callable[[str, str, str], Iterable[str]]
"""What the payloads of some messages of a kind have under a member; or this alone, if it is there."""


def _none(kind: str, member: str, only: str) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Queue:
    given_up: Listed = _none
    """Of those that nobody tries again."""
    open: Listed = _none
    """Of those that somebody will."""


_queue = Queue()


def connect(queue: Queue) -> None:
    """The effects are in this queue."""
    global _queue
    _queue = queue


def every(edge: datetime, only: str = "") -> list[Found]:
    """All of them, or those of one subject; `edge`: what moved after it is on its way."""
    return [*_orders(only), *_captures(edge, only), *_releases(only), *_undone(only)]


def _orders(only: str) -> list[Found]:
    """Orders that the merchant's own system never took."""
    ids = list(_queue.given_up(orders.PLACE, "order", only))
    rows = Order.objects.filter(pk__in=ids).order_by("created_at")
    columns = rows.values_list("pk", "amount", "currency", "payment_id", "session_id")
    return [comparing.not_handed_over(*row) for row in columns]


def _captures(edge: datetime, only: str) -> list[Found]:
    """Orders whose money is authorized, was to be taken, and is not. Where the merchant takes it at once,
    also those whose message is lost."""
    held = Payment.objects.filter(state=PaymentState.AUTHORIZED, order__isnull=False, updated_at__lte=edge)
    held = held.exclude(order__status=orders.CANCELED)
    if only:
        held = held.filter(pk=only)
    if ports().rules.capture == "at_once":
        ids = set(held.values_list("pk", flat=True)) - set(_queue.open(CAPTURE, "payment", only))
    else:
        given_up = list(_queue.given_up(CAPTURE, "payment", only))
        ids = set(held.filter(pk__in=given_up).values_list("pk", flat=True))
    return _found(Kind.NOT_CAPTURED, ids)


def _releases(only: str) -> list[Found]:
    """Canceled orders whose money is still held."""
    order_of = Order.objects.filter(payment=only).values_list("pk", flat=True).first() if only else ""
    if order_of is None:
        return []
    given_up = list(_queue.given_up(cancellations.RELEASE, "order", order_of))
    held = Order.objects.filter(
        pk__in=given_up, status=orders.CANCELED, payment__state=PaymentState.AUTHORIZED
    )
    return _found(Kind.NOT_RELEASED, held.values_list("payment_id", flat=True))


def _undone(only: str) -> list[Found]:
    """Money of attempts that led to no order, which is not known to have gone back."""
    given_up = list(_queue.given_up(UNDO, "payment", only))
    orderless = Payment.objects.filter(pk__in=given_up, order__isnull=True)
    return _found(Kind.NOT_GIVEN_BACK, orderless.values_list("pk", flat=True))


def _found(kind: str, payment_ids: Iterable[str]) -> list[Found]:
    known = comparing.read(payment_ids)
    return [comparing.without_entry(kind, known[name], "") for name in sorted(known)]
