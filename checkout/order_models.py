"""What becomes of an order: pieces, deliveries and what happened to them, changes, money given back.

Facts and constraints. `checkout.models` names them, so that Django finds them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from checkout.money import LARGEST_AMOUNT
from checkout.states import REFUND_MOVES, RefundState
from interventions.identifiers import IdentifierField

LONGEST_KEY = 128


class AppendOnly(models.Model):
    """Written once. What may change later is changed by a conditional UPDATE of a verb."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError(f"A {self._meta.verbose_name} is not changed.")
        super().save(*args, **kwargs)


class OrderLine(models.Model):
    """How many pieces of one line still count, are in a delivery, and have left (ACP-223).

    A line that nothing has happened to has no row: all of it still counts.
    """

    order = models.ForeignKey("agentic_checkout.Order", on_delete=models.PROTECT, related_name="lines")
    line = models.CharField(max_length=64, help_text="The line's id in the order's quote.")
    ordered = models.PositiveIntegerField()
    current = models.PositiveIntegerField()
    packed = models.PositiveIntegerField(default=0, help_text="In a delivery, whether it has left or not.")
    fulfilled = models.PositiveIntegerField(default=0, help_text="Sent, handed over or delivered.")

    class Meta:
        db_table = "agentic_checkout_order_line"
        verbose_name = "order line"
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("order", "line"), name="agentic_order_line_once"),
            models.CheckConstraint(
                condition=Q(
                    ordered__gte=1,
                    fulfilled__gte=0,
                    fulfilled__lte=F("packed"),
                    packed__lte=F("current"),
                    current__lte=F("ordered"),
                ),
                name="agentic_order_line_pieces",
            ),
        )

    def __str__(self) -> str:
        return f"{self.order_id} {self.line}"


class Shipment(models.Model):
    """One delivery of pieces of an order: parcel, pick-up or download (ACP-224). Its events say more."""

    class Pieces(models.TextChoices):
        PACKED = "packed"
        LEFT = "left"
        BACK = "back"

    id = IdentifierField(prefix="ful")
    order = models.ForeignKey("agentic_checkout.Order", on_delete=models.PROTECT, related_name="shipments")
    key = models.CharField(max_length=LONGEST_KEY, help_text="The caller's: the same one is this delivery.")
    type = models.CharField(max_length=8)
    status = models.CharField(max_length=32, default="pending")
    pieces = models.CharField(max_length=6, choices=Pieces.choices, default=Pieces.PACKED)
    lines = models.JSONField(help_text="Line id and quantity of what is in it.")
    carrier = models.CharField(max_length=100, blank=True)
    tracking_number = models.CharField(max_length=100, blank=True)
    tracking_url = models.CharField(max_length=2048, blank=True)
    destination = models.JSONField(null=True, blank=True)
    earliest_at = models.DateTimeField(null=True, blank=True)
    latest_at = models.DateTimeField(null=True, blank=True)
    access = models.JSONField(null=True, blank=True, help_text="How to get it over the network: the buyer's.")
    description = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_checkout_shipment"
        ordering = ("created_at", "id")
        constraints = (
            models.UniqueConstraint(fields=("order", "key"), name="agentic_shipment_once"),
            models.CheckConstraint(
                condition=Q(type__in=("shipping", "pickup", "digital")), name="agentic_shipment_type"
            ),
            models.CheckConstraint(
                condition=Q(pieces__in=("packed", "left", "back")), name="agentic_shipment_pieces"
            ),
        )

    def __str__(self) -> str:
        return self.id


class ShipmentEvent(AppendOnly):
    """Something that happened to a delivery (ACP-225). `type` is open: unknown ones are kept."""

    id = IdentifierField(prefix="fev")
    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, related_name="events")
    key = models.CharField(max_length=LONGEST_KEY)
    type = models.CharField(max_length=32)
    status = models.CharField(max_length=32, blank=True, help_text="How the delivery stood after it, if new.")
    occurred_at = models.DateTimeField()
    description = models.CharField(max_length=500, blank=True)
    location = models.CharField(max_length=200, blank=True)
    actor = models.CharField(max_length=255)
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_checkout_shipment_event"
        verbose_name = "shipment event"
        ordering = ("occurred_at", "recorded_at", "id")
        constraints = (
            models.UniqueConstraint(fields=("shipment", "key"), name="agentic_shipment_event_once"),
        )

    def __str__(self) -> str:
        return f"{self.shipment_id}: {self.type}"


class Adjustment(AppendOnly):
    """A change after the purchase (ACP-226): only its status moves. `type` and `status` are open."""

    id = IdentifierField(prefix="adj")
    order = models.ForeignKey("agentic_checkout.Order", on_delete=models.PROTECT, related_name="adjustments")
    key = models.CharField(max_length=LONGEST_KEY, help_text="The caller's: the same one is this change.")
    type = models.CharField(max_length=32)
    status = models.CharField(max_length=32)
    amount = models.BigIntegerField(null=True, blank=True, help_text="Minor units to the buyer, with tax.")
    currency = models.CharField(max_length=3)
    lines = models.JSONField(default=list, help_text="Line id and quantity of what it concerns.")
    description = models.CharField(max_length=500, blank=True)
    reason = models.CharField(max_length=64, blank=True)
    actor = models.CharField(max_length=255)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_checkout_adjustment"
        ordering = ("occurred_at", "recorded_at", "id")
        constraints = (
            models.UniqueConstraint(fields=("order", "type", "key"), name="agentic_adjustment_once"),
            models.CheckConstraint(
                condition=Q(amount=None) | Q(amount__gte=0, amount__lte=LARGEST_AMOUNT),
                name="agentic_adjustment_amount",
            ),
        )

    def __str__(self) -> str:
        return self.id


class Refund(models.Model):
    """Money on its way back; its id is the provider's idempotency key (decision 37, T64).

    `requested` means unknown. Its payment counts it in `refunded` from the statement that wins the
    claim until it has failed, so that no race gives back more than was taken.
    """

    MOVES: ClassVar = REFUND_MOVES

    id = IdentifierField(prefix="ref")
    payment = models.ForeignKey("agentic_checkout.Payment", on_delete=models.PROTECT, related_name="refunds")
    adjustment = models.OneToOneField(Adjustment, on_delete=models.PROTECT, related_name="refund")
    key = models.CharField(max_length=LONGEST_KEY, help_text="The caller's: the same one is this refund.")
    state = models.CharField(max_length=9, choices=RefundState.choices, default=RefundState.REQUESTED)
    amount = models.BigIntegerField(help_text="Minor units, never changed.")
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200, blank=True)
    actor = models.CharField(max_length=255, help_text="Who wanted it.")
    reference = models.CharField(max_length=255, blank=True, help_text="The provider's own id.")
    failure = models.CharField(max_length=64, blank=True, help_text="Why it failed, in the provider's code.")
    asked = models.PositiveIntegerField(default=0, help_text="How often the provider was asked.")
    ask_at = models.DateTimeField(help_text="When it is asked, if nobody did before.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_checkout_refund"
        ordering = ("-created_at",)
        indexes = (
            models.Index(
                fields=("ask_at",),
                condition=Q(state__in=("requested", "pending")),
                name="agentic_refund_due",
            ),
            models.Index(fields=("-created_at",), name="agentic_refund_newest"),
            models.Index(fields=("reference",), name="agentic_refund_reference"),
        )
        constraints = (
            models.UniqueConstraint(fields=("payment", "key"), name="agentic_refund_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="agentic_refund_amount"),
            models.CheckConstraint(condition=Q(state__in=RefundState.values), name="agentic_refund_state"),
        )

    def __str__(self) -> str:
        return self.id
