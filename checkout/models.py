"""Sessions, payments, orders and the log of their moves: facts and constraints, no workflow."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils import timezone

from checkout.cart_models import Cart
from checkout.errors import NotFound
from checkout.order_models import Adjustment, OrderLine, Refund, Shipment, ShipmentEvent
from checkout.reconciliation.models import Break, ReconciliationRun
from checkout.sandbox_models import SandboxAuthentication, SandboxToken  # noqa: F401  (Django looks here)
from checkout.states import (
    LIVE_ATTEMPT,
    PAYMENT_MOVES,
    SESSION_MOVES,
    PaymentState,
    SessionState,
)
from checkout.token_models import StripeToken  # noqa: F401  (Django looks here)
from interventions.identifiers import IdentifierField
from interventions.models import Intervention
from interventions.negotiation import APPROVAL
from interventions.prepared import Lookup

# Read with this module: Django finds them here.
__all__ = [
    "Adjustment",
    "Approval",
    "Break",
    "Cart",
    "CheckoutSession",
    "Order",
    "OrderLine",
    "Payment",
    "ReconciliationRun",
    "Refund",
    "SandboxCharge",
    "Shipment",
    "ShipmentEvent",
    "StateMove",
]


class Owned:
    """The sessions one owner may see: the start of every look-up on an agent's behalf (T01)."""

    def __init__(self, owner: str) -> None:
        self.owner = owner

    def one(self, session_id: str) -> CheckoutSession:
        """The session with its order. Raises NotFound, the same for foreign and unknown ids."""
        return _found(_one.one(owner=self.owner, id=session_id))

    def locked(self, session_id: str) -> CheckoutSession:
        """The session, its row locked until the transaction ends. Raises NotFound.

        Without the order: after a wait PostgreSQL reads the locked row anew, a joined one not.
        """
        return _found(_locked_of.one(owner=self.owner, id=session_id))


class CheckoutSessionManager(models.Manager["CheckoutSession"]):
    def of(self, owner: str) -> Owned:
        return Owned(owner)

    def locked(self, session_id: str) -> CheckoutSession:
        """As `Owned.locked`, for whoever acts on nobody's behalf."""
        return _found(_locked.one(id=session_id))


class CheckoutSession(models.Model):
    """What one agent is buying, as last priced. `state` moves only through `states.move`."""

    MOVES: ClassVar = SESSION_MOVES

    id = IdentifierField(prefix="cs")
    owner = models.CharField(max_length=255)
    state = models.CharField(max_length=12, choices=SessionState.choices, default=SessionState.OPEN)
    protocol_version = models.CharField(max_length=10, blank=True)
    currency = models.CharField(max_length=3)
    lines = models.JSONField(default=list, help_text="What was asked for: line id, item id, quantity.")
    buyer = models.JSONField(null=True, blank=True)
    fulfillment_details = models.JSONField(null=True, blank=True)
    fulfillment_groups = models.JSONField(null=True, blank=True)
    selected_options = models.JSONField(null=True, blank=True, help_text="Delivery options the agent chose.")
    capabilities = models.JSONField(default=dict, help_text="What the agent declared; never echoed.")
    extras = models.JSONField(
        default=dict,
        help_text="Locale, time zone, quote id, metadata, order notes and write-only members as received.",
    )
    handed_over = models.BooleanField(
        default=False,
        db_default=False,
        help_text="A frozen cart: a person buys it on our page, and no agent can pay for it.",
    )
    quote = models.JSONField(default=dict, help_text="The last pricing: lines, options, amounts, problems.")
    total = models.BigIntegerField(default=0, help_text="Minor units, as last priced.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()

    objects = CheckoutSessionManager()

    class Meta:
        db_table = "agentic_checkout_session"
        verbose_name = "checkout session"
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=("owner", "-created_at"), name="agentic_session_owner"),
            models.Index(fields=("state", "expires_at"), name="agentic_session_deadline"),
            models.Index(fields=("-created_at",), name="agentic_session_newest"),
            models.Index(fields=("currency", "-created_at"), name="agentic_session_currency"),
        )
        constraints = (
            models.CheckConstraint(
                condition=models.Q(state__in=SessionState.values), name="agentic_session_state"
            ),
            models.CheckConstraint(condition=models.Q(total__gte=0), name="agentic_session_total"),
        )

    def __str__(self) -> str:
        return self.id

    def overdue(self, now: datetime) -> bool:
        """The deadline has passed although no sweep has noticed yet (ACP-075)."""
        return self.state == SessionState.OPEN and self.expires_at <= now


_one = Lookup(
    CheckoutSession,
    lambda place: (
        CheckoutSession.objects.select_related("order")
        .filter(owner=place("owner"), pk=place("id"))
        .order_by()
    ),
)
_locked_of = Lookup(
    CheckoutSession,
    lambda place: (
        CheckoutSession.objects.select_for_update(of=("self",))
        .filter(owner=place("owner"), pk=place("id"))
        .order_by()
    ),
    locks=True,
)
_locked = Lookup(
    CheckoutSession,
    lambda place: CheckoutSession.objects.select_for_update(of=("self",)).filter(pk=place("id")).order_by(),
    locks=True,
)


def _found(session: CheckoutSession | None) -> CheckoutSession:
    if session is None:
        raise NotFound
    return session


class Payment(models.Model):
    """One attempt to be paid; its id is the provider's idempotency key.

    `processing` means unknown. Written before the provider is called, so that no crash can
    make us forget a charge.
    """

    MOVES: ClassVar = PAYMENT_MOVES

    id = IdentifierField(prefix="pay")
    session = models.ForeignKey(CheckoutSession, on_delete=models.PROTECT, related_name="payments")
    state = models.CharField(max_length=16, choices=PaymentState.choices, default=PaymentState.PROCESSING)
    amount = models.BigIntegerField(help_text="Minor units, frozen when the attempt was opened.")
    currency = models.CharField(max_length=3)
    handler_id = models.CharField(max_length=64)
    claim = models.CharField(
        max_length=64, help_text="The request that opened the attempt and may resume it."
    )
    reference = models.CharField(max_length=255, blank=True, help_text="The provider's own id.")
    decline_code = models.CharField(max_length=64, blank=True)
    liability_shift = models.CharField(
        max_length=13,
        blank=True,
        help_text="Whether a dispute is the issuer's loss: confirmed or not_confirmed, as the provider says.",
    )
    ds_transaction_id = models.CharField(
        max_length=36,
        blank=True,
        help_text="3-D Secure's own id of the authentication an agent brought. Each counts once, ever.",
    )
    brought = models.CharField(
        max_length=20,
        blank=True,
        help_text="How 3-D Secure ended by what the agent brought last: a claim, which pays for nothing.",
    )
    refunded = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="Minor units that went back or are to go: every refund that has not failed.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_checkout_payment"
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=("state", "updated_at"), name="agentic_payment_stale"),
            models.Index(fields=("-created_at",), name="agentic_payment_newest"),
            models.Index(fields=("reference",), name="agentic_payment_reference"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("session",),
                condition=models.Q(state__in=LIVE_ATTEMPT),
                name="agentic_payment_one_live",
            ),
            models.UniqueConstraint(
                fields=("ds_transaction_id",),
                condition=~models.Q(ds_transaction_id=""),
                name="agentic_payment_ds_once",
            ),
            models.CheckConstraint(
                condition=models.Q(liability_shift__in=("", "confirmed", "not_confirmed")),
                name="agentic_payment_liability",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=PaymentState.values), name="agentic_payment_state"
            ),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="agentic_payment_amount"),
            models.CheckConstraint(
                condition=models.Q(refunded__gte=0, refunded__lte=models.F("amount")),
                name="agentic_payment_refunded",
            ),
        )

    def __str__(self) -> str:
        return self.id

    @property
    def challenged(self) -> bool:
        """Its provider has asked for a person, and not for the last time perhaps."""
        return self.state == PaymentState.REQUIRES_ACTION or (
            self.state == PaymentState.PROCESSING and self.reference != ""
        )


class Order(models.Model):
    """What was bought, as it was priced when it was paid. One per session, for ever."""

    id = IdentifierField(prefix="ord")
    session = models.OneToOneField(CheckoutSession, on_delete=models.PROTECT, related_name="order")
    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="order")
    owner = models.CharField(max_length=255)
    status = models.CharField(max_length=32, default="confirmed")
    amount = models.BigIntegerField(help_text="Minor units: exactly what was authorized.")
    currency = models.CharField(max_length=3)
    quote = models.JSONField(help_text="The pricing that was paid.")
    buyer = models.JSONField(null=True, blank=True)
    fulfillment_details = models.JSONField(null=True, blank=True)
    notes = models.TextField(blank=True)
    client_reference = models.CharField(max_length=255, blank=True)
    merchant_reference = models.CharField(
        max_length=255, blank=True, help_text="The id the merchant's own order system gave it."
    )
    contact_digest = models.CharField(max_length=64, blank=True, help_text="By which a buyer is known again.")
    address_digest = models.CharField(
        max_length=64, blank=True, help_text="By which an address is known again."
    )
    sequence = models.PositiveIntegerField(default=1, help_text="How many events its agent was to hear.")
    event_at = models.DateTimeField(
        null=True, blank=True, help_text="The last of them; empty while there was none but the first."
    )
    attention = models.CharField(
        max_length=32,
        blank=True,
        default="",
        db_default="",
        help_text="Why an operator must look at it; empty when nobody must.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_checkout_order"
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=("-created_at",), name="agentic_order_newest"),
            models.Index(fields=("owner", "-created_at"), name="agentic_order_owner"),
            models.Index(
                fields=("merchant_reference",),
                condition=~models.Q(merchant_reference=""),
                name="agentic_order_merchant",
            ),
            models.Index(
                fields=("attention",), condition=~models.Q(attention=""), name="agentic_order_attention"
            ),
            models.Index(fields=("contact_digest", "created_at"), name="agentic_order_contact"),
            models.Index(fields=("address_digest", "created_at"), name="agentic_order_address"),
        )
        constraints = (
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="agentic_order_amount"),
        )

    def __str__(self) -> str:
        return self.id

    @property
    def number(self) -> str:
        """A short form people can read out; the id stays the only key."""
        return self.id.removeprefix("ord_")[:8].upper()


class StateMove(models.Model):
    """One move of a session, payment or refund, written in the transaction that made it."""

    subject = models.CharField(max_length=40, db_index=True, help_text="The id of what moved.")
    from_state = models.CharField(max_length=16, blank=True)
    to_state = models.CharField(max_length=16)
    actor = models.CharField(max_length=255, help_text="Who caused it: an owner, provider or system.")
    note = models.CharField(max_length=255, blank=True)
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_checkout_move"
        ordering = ("id",)
        verbose_name = "state move"

    def __str__(self) -> str:
        return f"{self.subject}: {self.from_state or 'new'} -> {self.to_state}"


class ApprovalManager(models.Manager["Approval"]):
    def get_queryset(self) -> models.QuerySet[Approval]:
        return super().get_queryset().filter(kind=APPROVAL)


class Approval(Intervention):
    """A purchase as the merchant is asked about it; moved by `approvals.decide` alone."""

    objects: ClassVar[ApprovalManager] = ApprovalManager()

    class Meta:
        proxy = True


class SandboxCharge(models.Model):
    """The sandbox provider's own books. Nothing but `payments.sandbox` reads or writes them."""

    reference = models.CharField(max_length=64, primary_key=True)
    key = models.CharField(max_length=64, unique=True, help_text="The idempotency key it was given.")
    session = models.CharField(max_length=40, db_index=True)
    amount = models.BigIntegerField()
    captured = models.BigIntegerField(default=0)
    refunds = models.JSONField(default=dict, help_text="Amount given back, by the key it was asked under.")
    currency = models.CharField(max_length=3)
    outcome = models.CharField(max_length=16)
    challenge = models.CharField(
        max_length=64, blank=True, help_text="The sandbox bank's id of what it asks."
    )
    eci = models.CharField(max_length=2, blank=True, help_text="How the bank saw the holder, if it did.")
    decline_code = models.CharField(max_length=32, blank=True, db_default="", default="")
    card_digest = models.CharField(
        max_length=64,
        blank=True,
        db_default="",
        default="",
        help_text="Keyed hash of the card number, of a card from the sandbox vault.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_checkout_sandbox_charge"
        ordering = ("-created_at",)
        indexes = (models.Index(fields=("created_at",), name="agentic_sandbox_ledger"),)

    def __str__(self) -> str:
        return self.reference
