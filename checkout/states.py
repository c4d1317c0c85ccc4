"""Stored states and their legal moves. `checkout.moves` is the only thing that makes one."""

from __future__ import annotations

from django.db import models


class SessionState(models.TextChoices):
    OPEN = "open"
    COMPLETING = "completing"
    COMPLETED = "completed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class PaymentState(models.TextChoices):
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    VOIDED = "voided"
    DECLINED = "declined"


class RefundState(models.TextChoices):
    REQUESTED = "requested"
    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


SESSION_MOVES: dict[str, frozenset[str]] = {
    SessionState.OPEN: frozenset({SessionState.COMPLETING, SessionState.CANCELED, SessionState.EXPIRED}),
    SessionState.COMPLETING: frozenset({SessionState.COMPLETED, SessionState.OPEN}),
    SessionState.COMPLETED: frozenset(),
    SessionState.CANCELED: frozenset(),
    SessionState.EXPIRED: frozenset(),
}

PAYMENT_MOVES: dict[str, frozenset[str]] = {
    PaymentState.PROCESSING: frozenset(
        {PaymentState.REQUIRES_ACTION, PaymentState.AUTHORIZED, PaymentState.DECLINED}
    ),
    PaymentState.REQUIRES_ACTION: frozenset(
        {PaymentState.PROCESSING, PaymentState.AUTHORIZED, PaymentState.DECLINED}
    ),
    PaymentState.AUTHORIZED: frozenset({PaymentState.CAPTURED, PaymentState.VOIDED}),
    PaymentState.CAPTURED: frozenset(),
    PaymentState.VOIDED: frozenset(),
    PaymentState.DECLINED: frozenset(),
}

REFUND_MOVES: dict[str, frozenset[str]] = {
    RefundState.REQUESTED: frozenset({RefundState.PENDING, RefundState.COMPLETED, RefundState.FAILED}),
    RefundState.PENDING: frozenset({RefundState.COMPLETED, RefundState.FAILED}),
    # Days later the buyer's bank may send it back.
    RefundState.COMPLETED: frozenset({RefundState.FAILED}),
    RefundState.FAILED: frozenset(),
}

OPEN_REFUND = (RefundState.REQUESTED, RefundState.PENDING)
"""What the provider has not had the last word on."""

CLOSED = frozenset(state for state, onward in SESSION_MOVES.items() if not onward)
"""A session in one of these accepts no change any more."""

LIVE_ATTEMPT = (
    PaymentState.PROCESSING,
    PaymentState.REQUIRES_ACTION,
    PaymentState.AUTHORIZED,
    PaymentState.CAPTURED,
)
"""An attempt in one of these has moved money or still may: a session has at most one."""
