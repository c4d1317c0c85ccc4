"""Carts: what an agent has put together before anybody pays. Facts and constraints, no workflow."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from interventions.identifiers import IdentifierField


class Cart(models.Model):
    """Items of one owner. Nothing is reserved, and what they cost is the merchant's word each time.

    An agent that keeps several names them by id (ACP-212). A visit of the Interaction API has one at a
    time, its `only` one; after a purchase the next begins empty.
    """

    id = IdentifierField(prefix="cart")
    owner = models.CharField(max_length=255)
    only = models.BooleanField(default=False, help_text="The one cart of its owner.")
    currency = models.CharField(max_length=3)
    lines = models.JSONField(default=list, help_text="Line id, item id, quantity, in the order of adding.")
    buyer = models.JSONField(null=True, blank=True)
    extras = models.JSONField(default=dict, help_text="Locale and whatever else was asked for.")
    revision = models.PositiveIntegerField(default=1, help_text="Grows with each change of the content.")
    session = models.CharField(
        "checkout session", max_length=40, blank=True, help_text="What it was last frozen into."
    )
    frozen_revision = models.PositiveIntegerField(
        null=True, blank=True, help_text="What the cart was like then."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_because = models.CharField(max_length=16, blank=True, help_text="Canceled, bought or expired.")

    class Meta:
        db_table = "agentic_cart"
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=("owner", "-created_at"), name="agentic_cart_owner"),
            models.Index(fields=("-created_at",), name="agentic_cart_newest"),
            models.Index(fields=("expires_at",), name="agentic_cart_deadline"),
            models.Index(
                fields=("expires_at",), condition=models.Q(closed_at=None), name="agentic_cart_overdue"
            ),
            models.Index(fields=("closed_because", "-created_at"), name="agentic_cart_ended"),
            models.Index(fields=("session",), condition=~models.Q(session=""), name="agentic_cart_session"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("owner",),
                condition=models.Q(only=True, closed_at=None),
                name="agentic_cart_only",
            ),
        )

    def __str__(self) -> str:
        return self.pk
