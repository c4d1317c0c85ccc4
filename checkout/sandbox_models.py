"""The books of the sandbox's vault and of its 3-D Secure server. Nothing but `payments.sandbox_vault`
and `payments.sandbox_authenticator` reads or writes them; no column holds a card number."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from checkout.token_models import AllowedToken
from interventions.identifiers import IdentifierField


class SandboxToken(AllowedToken):
    """What a token of the sandbox vault is good for. Neither the token nor the card is in it."""

    card_digest = models.CharField(max_length=64, help_text="Keyed hash of the card number.")
    brand = models.CharField(max_length=16)
    last4 = models.CharField(max_length=4)
    stands_for = models.CharField(max_length=64, help_text="How the card behaves.")

    class Meta:
        db_table = "agentic_checkout_sandbox_token"
        ordering = ("-created_at",)
        indexes = (models.Index(fields=("expires_at",), name="agentic_sandbox_token_old"),)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(max_amount__gte=0), name="agentic_sandbox_token_amount"
            ),
        )

    def __str__(self) -> str:
        return f"{self.brand} {self.last4}"


class SandboxAuthentication(models.Model):
    """A card's holder who is to be seen by the sandbox bank, for one payment."""

    id = IdentifierField(prefix="das")
    owner = models.CharField(max_length=255)
    key = models.CharField(max_length=64, unique=True, help_text="The idempotency key it was given.")
    session = models.CharField(max_length=255, blank=True)
    amount = models.BigIntegerField(help_text="Minor units.")
    currency = models.CharField(max_length=3)
    card_digest = models.CharField(max_length=64, help_text="Keyed hash of the card number.")
    behaviour = models.CharField(max_length=16, help_text="What the card's issuer does.")
    challenge = models.CharField(max_length=64, blank=True, help_text="The bank's id of what it asks.")
    state = models.CharField(max_length=24)
    has_channel = models.BooleanField(default=False, help_text="It was said where the holder is.")
    return_url = models.CharField(max_length=2048, blank=True)
    server_id = models.UUIDField(help_text="Our own id of the run, as 3-D Secure has it.")
    acs_id = models.UUIDField(help_text="The issuer's.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "agentic_checkout_sandbox_authentication"
        ordering = ("-created_at",)
        indexes = (models.Index(fields=("expires_at",), name="agentic_sandbox_das_old"),)
        constraints = (
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="agentic_sandbox_das_amount"),
        )

    def __str__(self) -> str:
        return self.id
