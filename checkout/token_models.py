"""What a token that stands for a card is good for. Neither the token nor the card is in any column."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class AllowedToken(models.Model):
    """The allowance of one token (ACP-200), and the one attempt that it was used for. What an agent wrote
    into it is kept as a keyed hash: it may be anything, a misplaced secret say."""

    key = models.CharField(max_length=64, primary_key=True, help_text="The idempotency key it was given.")
    token_digest = models.CharField(max_length=64, unique=True, help_text="Keyed hash of the token.")
    max_amount = models.BigIntegerField(help_text="Minor units.")
    currency = models.CharField(max_length=3)
    session_digest = models.CharField(
        max_length=64, help_text="Keyed hash of the session it is for, which is whatever an agent wrote."
    )
    merchant_digest = models.CharField(max_length=64, help_text="The same of the merchant.")
    owner_digest = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="The same of the agent that brought the card.",
    )
    expires_at = models.DateTimeField()
    used_by = models.CharField(max_length=64, blank=True, help_text="The one attempt it was used for.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True


class StripeToken(AllowedToken):
    """A token of ours for a card that Stripe keeps. Nothing but `payments.stripe_vault` writes it."""

    method = models.CharField(max_length=255, unique=True, help_text="The card, by Stripe's own id of it.")

    class Meta:
        db_table = "agentic_checkout_stripe_token"
        ordering = ("-created_at",)
        indexes = (models.Index(fields=("expires_at",), name="agentic_stripe_token_old"),)
        constraints = (
            models.CheckConstraint(condition=models.Q(max_amount__gte=0), name="agentic_stripe_token_amount"),
        )

    def __str__(self) -> str:
        return f"for a payment until {self.expires_at:%Y-%m-%d %H:%M}"
