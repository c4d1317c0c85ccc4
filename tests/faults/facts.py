"""What the auditor judges: our database, the provider's ledger, the receiver's log, the clients' history.

Plain values, so that a planted lie can be told without a database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tests.faults.history import Seen


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    state: str
    currency: str = "usd"


@dataclass(frozen=True, slots=True)
class Move:
    """In the order in which they were written."""

    subject: str
    before: str
    after: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Payment:
    id: str
    session: str
    state: str
    amount: int
    currency: str
    created_at: datetime
    going_back: int = 0
    """What was or is to be refunded of it."""


@dataclass(frozen=True, slots=True)
class Order:
    id: str
    session: str
    payment: str
    amount: int
    currency: str
    sequence: int
    refunded: int = 0
    """What was meant to go back to the buyer, and did."""


@dataclass(frozen=True, slots=True)
class Hold:
    key: str
    product: str
    quantity: int
    state: str


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency row."""

    owner: str
    path: str
    key: str
    state: str
    created_at: datetime
    lease_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An order event in the outbox."""

    order: str
    sequence: int
    open: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    endpoint: str
    event: str
    order: str
    sequence: int
    delivered: bool
    dead: bool


@dataclass(frozen=True, slots=True)
class Charge:
    """An entry of the provider's own books. `status` in its words."""

    id: str
    key: str
    session: str
    status: str
    amount: int
    currency: str
    captured: int = 0
    refunded: int = 0

    @property
    def stands(self) -> bool:
        """Money of the buyer is reserved or taken."""
        return self.status in ("authorized", "captured") and (
            self.captured == 0 or self.captured > self.refunded
        )


@dataclass(frozen=True, slots=True)
class Heard:
    """An event as the receiver wrote it down."""

    event: str
    order: str
    taken: bool
    genuine: bool = True


@dataclass(frozen=True, slots=True)
class Challenge:
    """An intervention with its counted attempts."""

    id: str
    attempts: int
    allowed: int
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    at: datetime
    sessions: tuple[Session, ...] = ()
    moves: tuple[Move, ...] = ()
    payments: tuple[Payment, ...] = ()
    orders: tuple[Order, ...] = ()
    holds: tuple[Hold, ...] = ()
    available: Mapping[str, int | None] = field(default_factory=dict)
    initial: Mapping[str, int | None] = field(default_factory=dict)
    """Pieces of each product when the run began, changed by whoever took stock since."""
    keys: tuple[Key, ...] = ()
    events: tuple[Event, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    endpoints: tuple[str, ...] = ()
    challenges: tuple[Challenge, ...] = ()
    charges: tuple[Charge, ...] = ()
    heard: tuple[Heard, ...] = ()
    seen: tuple[Seen, ...] = ()
    unknown_seconds: float = 120.0
    """How long an attempt may be unknown, and a key in flight (I7), at the size of the run."""


def collect(
    *,
    charges: Iterable[Charge],
    heard: Iterable[Heard],
    seen: Iterable[Seen],
    initial: Mapping[str, int | None],
    unknown_seconds: float,
) -> Facts:
    """The database as it stands, through the ORM, beside what the others wrote down."""
    from django.db.models import Count, Q
    from django.utils import timezone

    from checkout import models as checkout
    from checkout.orders import ORDER_EVENT
    from gateway import models as gateway
    from gateway.shop import models as shop
    from interventions import models as interventions

    refunded = _refunds("completed")
    going_back = _refunds("requested", "pending", "completed")
    deliveries = gateway.WebhookDelivery.objects.values_list(
        "endpoint_id", "event", "order", "sequence", "delivered_at", "dead_at"
    )
    return Facts(
        at=timezone.now(),
        sessions=tuple(
            Session(*row) for row in checkout.CheckoutSession.objects.values_list("id", "state", "currency")
        ),
        moves=tuple(
            Move(*row)
            for row in checkout.StateMove.objects.order_by("id").values_list(
                "subject", "from_state", "to_state", "at"
            )
        ),
        payments=tuple(
            Payment(*row, going_back=going_back.get(row[0], 0))
            for row in checkout.Payment.objects.values_list(
                "id", "session_id", "state", "amount", "currency", "created_at"
            )
        ),
        orders=tuple(
            Order(*row, refunded=refunded.get(row[2], 0))
            for row in checkout.Order.objects.values_list(
                "id", "session_id", "payment_id", "amount", "currency", "sequence"
            )
        ),
        holds=tuple(
            Hold(*row) for row in shop.Hold.objects.values_list("key", "product_id", "quantity", "state")
        ),
        available=dict(shop.Product.objects.values_list("id", "available")),
        initial=dict(initial),
        keys=tuple(
            Key(*row)
            for row in gateway.IdempotentRequest.objects.values_list(
                "owner", "path", "key", "state", "created_at", "lease_until"
            )
        ),
        events=tuple(
            Event(payload["order"], payload["sequence"], open=done is None and dead is None)
            for payload, done, dead in gateway.OutboxMessage.objects.filter(kind=ORDER_EVENT).values_list(
                "payload", "done_at", "dead_at"
            )
        ),
        deliveries=tuple(
            Delivery(endpoint, event, order, sequence, delivered is not None, dead is not None)
            for endpoint, event, order, sequence, delivered, dead in deliveries
        ),
        endpoints=tuple(gateway.WebhookEndpoint.objects.filter(active=True).values_list("id", flat=True)),
        challenges=tuple(
            Challenge(*row)
            for row in interventions.Intervention.objects.annotate(
                passed=Count("moves", filter=Q(moves__to_state="passed"))
            ).values_list("id", "attempts", "attempts_allowed", "passed")
        ),
        charges=tuple(charges),
        heard=tuple(heard),
        seen=tuple(seen),
        unknown_seconds=unknown_seconds,
    )


def _refunds(*states: str) -> dict[str, int]:
    """The sum of a payment's refunds in these states."""
    from django.db.models import Sum

    from checkout.models import Refund

    rows = Refund.objects.order_by().filter(state__in=states).values_list("payment_id")
    return dict(rows.annotate(Sum("amount")))
