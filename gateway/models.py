"""Agents, their keys and what they are told, idempotent requests, the outbox and the relay's lease."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from gateway.app_models import AppEvent  # noqa: F401  (Django looks here)
from gateway.audit_models import AuditEvent, AuditSeal, AuditTrail  # noqa: F401
from gateway.contact_models import ContactMessage  # noqa: F401
from gateway.pending_models import Issuer, PendingRequest, UsedSignature  # noqa: F401
from gateway.person_models import (  # noqa: F401
    AgentBinding,
    DirectedSubject,
    Grant,
    IssuedToken,
    RevokedToken,
    Summons,
)
from gateway.session_models import AgentSession  # noqa: F401
from interventions.identifiers import IdentifierField


class SignaturePolicy(models.TextChoices):
    """What an agent's request without a signature is worth (C-24)."""

    WHEN_PRESENT = "when_present", "verified when present"
    REQUIRED = "required", "required"


class Algorithm(models.TextChoices):
    """What an agent signs with (ACP-105)."""

    ED25519 = "Ed25519"
    ES256 = "ES256"
    HMAC_SHA256 = "HMAC-SHA256"


class Signed(models.TextChoices):
    """Which bytes a signature is over (ACP-106, ACP-110); see docs/signatures.md."""

    CANONICAL = "canonical", "Timestamp and the canonical JSON of the body"
    CANONICAL_BODY = "canonical_body", "the canonical JSON of the body alone"
    RAW = "raw", "Timestamp and the body as sent"


class Agent(models.Model):
    """Somebody's software that may buy here, known by a key it was given or by an identity of its own."""

    id = IdentifierField(prefix="agt")
    name = models.CharField(max_length=100, unique=True, help_text="Shown to buyers and operators.")
    active = models.BooleanField(
        default=True, help_text="An inactive agent's keys, and its signed identity, are refused at once."
    )
    issuer = models.CharField(
        max_length=120, blank=True, default="", db_default="", help_text="Who vouches for its identity."
    )
    identity = models.CharField(
        max_length=120, blank=True, default="", db_default="", help_text="Its name with that issuer."
    )
    known = models.BooleanField(
        default=True,
        db_default=True,
        help_text="An operator has looked at it. An agent that came by itself is unknown until then.",
    )
    person_server = models.CharField(max_length=200, blank=True, default="", db_default="", editable=False)
    last_key = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    legacy_requests = models.PositiveBigIntegerField(
        default=0, db_default=0, editable=False, help_text="How many came in an older wording."
    )
    signature_policy = models.CharField(
        "signatures",
        max_length=12,
        choices=SignaturePolicy.choices,
        default=SignaturePolicy.WHEN_PRESENT,
        help_text="Required: a request without one is refused. Otherwise one is verified as soon as the "
        "agent has had a signing key.",
    )
    embed_origins = models.TextField(
        "pages that embed ours",
        blank=True,
        max_length=2000,
        help_text="Origins that may show our page in a frame, one on each line, such as "
        "https://chat.example. Empty: nobody may.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_agent"
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=("issuer", "identity"),
                condition=~models.Q(issuer=""),
                name="agentic_agent_identity_once",
            ),
            models.CheckConstraint(
                condition=models.Q(issuer="", identity="") | (~models.Q(issuer="") & ~models.Q(identity="")),
                name="agentic_agent_identity_whole",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def owner(self) -> str:
        """How the checkout knows this agent (decision 8)."""
        return f"aauth:{self.issuer}|{self.identity}" if self.issuer else f"key:{self.pk}"


class AgentKey(models.Model):
    """One bearer key, as a keyed hash. The key itself was shown once and is nowhere."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="keys")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    label = models.CharField(max_length=100, blank=True, help_text="Where the key is used, for operators.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Refused afterwards; empty for never.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "agentic_agent_key"
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"key {self.pk} of {self.agent_id}"


class AgentSigningKey(models.Model):
    """What an agent's signatures are verified with: its public key, or a secret shared with it.

    A secret is sealed, because verifying needs it back; it was shown once, and goes when the
    key is revoked.
    """

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="signing_keys")
    algorithm = models.CharField(max_length=11, choices=Algorithm.choices)
    signs = models.CharField(max_length=14, choices=Signed.choices, default=Signed.CANONICAL)
    public_key = models.CharField(
        max_length=255, blank=True, editable=False, help_text="SubjectPublicKeyInfo in base64url."
    )
    sealed_secret = models.CharField(max_length=255, blank=True, editable=False)
    label = models.CharField(max_length=100, blank=True, help_text="Where the key is used, for operators.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Refused afterwards; empty for never.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "agentic_agent_signing_key"
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("agent", "public_key"),
                condition=~models.Q(public_key=""),
                name="agentic_signing_key_once",
            ),
            models.CheckConstraint(
                condition=models.Q(algorithm=Algorithm.HMAC_SHA256, public_key="")
                | (
                    models.Q(algorithm__in=(Algorithm.ED25519, Algorithm.ES256), sealed_secret="")
                    & ~models.Q(public_key="")
                ),
                name="agentic_signing_key_form",
            ),
        )

    def __str__(self) -> str:
        return f"signing key {self.pk} of {self.agent_id}"


class IdempotentRequest(models.Model):
    """What was answered to one key (acp.md 0.5). The unique constraint decides who works."""

    IN_FLIGHT: ClassVar[str] = "in_flight"
    DONE: ClassVar[str] = "done"

    owner = models.CharField(max_length=255)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="Keyed hash of the canonical body.")
    state = models.CharField(max_length=9, choices=((IN_FLIGHT, "in flight"), (DONE, "done")))
    fence = models.PositiveIntegerField(
        default=1, help_text="Grows with each take-over; the old holder loses."
    )
    lease_until = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    body = models.TextField(blank=True, help_text="The answer as sent; holds no secret.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_idempotent_request"
        ordering = ("-created_at",)
        indexes = (models.Index(fields=("created_at",), name="agentic_idempotent_age"),)
        constraints = (
            models.UniqueConstraint(
                fields=("owner", "path", "method", "key"), name="agentic_idempotent_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class OutboxMessage(models.Model):
    """An effect that will happen at least once. Written in the transaction that causes it."""

    id = IdentifierField(prefix="msg")
    kind = models.CharField(max_length=64)
    payload = models.JSONField(default=dict)
    due_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text="Somebody is working on it until then."
    )
    published_until = models.DateTimeField(
        null=True, blank=True, help_text="A task for it was handed to the broker; another one follows then."
    )
    tries = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)
    dead_at = models.DateTimeField(null=True, blank=True, help_text="Given up; an operator may run it again.")
    error = models.CharField(
        max_length=255, blank=True, help_text="Kind of the last failure, never its data."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_outbox_message"
        ordering = ("-created_at",)
        indexes = (
            models.Index(
                fields=("due_at",),
                condition=models.Q(done_at=None, dead_at=None),
                name="agentic_outbox_due",
            ),
            models.Index(fields=("-created_at",), name="agentic_outbox_newest"),
            models.Index(fields=("kind", "-created_at"), name="agentic_outbox_kind"),
            models.Index(
                fields=("-dead_at",), condition=models.Q(dead_at__isnull=False), name="agentic_outbox_dead"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class RelayLease(models.Model):
    """Which relay delivers now, and when it was last seen."""

    name = models.CharField(max_length=32, primary_key=True)
    holder = models.CharField(max_length=64)
    until = models.DateTimeField()
    beat_at = models.DateTimeField()

    class Meta:
        db_table = "agentic_relay_lease"

    def __str__(self) -> str:
        return self.name


class WebhookEndpoint(models.Model):
    """Where one agent hears of its orders, and how the deliveries are signed.

    The secrets are sealed, because signing needs them back. After a rotation the older one works
    on until `older_until`; then it is erased.
    """

    id = IdentifierField(prefix="whe")
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="webhook_endpoints")
    url = models.CharField("address", max_length=2000)
    sealed_secret = models.CharField(max_length=255, editable=False)
    sealed_older = models.CharField(max_length=255, blank=True, editable=False)
    older_until = models.DateTimeField(null=True, blank=True, editable=False)
    active = models.BooleanField(default=True)
    disabled_because = models.CharField(max_length=200, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row; a success ends the row.")
    open_until = models.DateTimeField(
        null=True, blank=True, help_text="After many failures in a row nothing is sent until then."
    )
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    disabled_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "agentic_webhook_endpoint"
        ordering = ("-created_at",)
        verbose_name = "webhook endpoint"
        indexes = (models.Index(fields=("agent", "created_at"), name="agentic_endpoint_agent"),)

    def __str__(self) -> str:
        return f"{self.pk} of {self.agent}"


class WebhookDelivery(models.Model):
    """One event of one order for one endpoint. Open until it was taken, or given up."""

    id = IdentifierField(prefix="whd")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=64, help_text="The Request-Id of every try.")
    type = models.CharField(max_length=32)
    order = models.CharField(max_length=40)
    sequence = models.PositiveIntegerField(help_text="Which event of its order this is, without gaps.")
    previous_at = models.DateTimeField(null=True, blank=True, help_text="When the one before it was.")
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="Somebody is sending it until then.")
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="The last answer's status.")
    error = models.CharField(max_length=32, blank=True, help_text="Kind of the last failure.")
    delivered_at = models.DateTimeField(null=True, blank=True)
    dead_at = models.DateTimeField(null=True, blank=True, help_text="Given up; an operator may replay it.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_webhook_delivery"
        ordering = ("-created_at",)
        verbose_name = "webhook delivery"
        verbose_name_plural = "webhook deliveries"
        indexes = (
            models.Index(
                fields=("next_try_at",),
                condition=models.Q(delivered_at=None, dead_at=None),
                name="agentic_delivery_open",
            ),
            models.Index(
                fields=("-dead_at",), condition=models.Q(dead_at__isnull=False), name="agentic_delivery_dead"
            ),
            models.Index(fields=("-created_at",), name="agentic_delivery_newest"),
            models.Index(fields=("order", "sequence"), name="agentic_delivery_order"),
        )
        constraints = (
            models.UniqueConstraint(fields=("endpoint", "order", "sequence"), name="agentic_delivery_once"),
        )

    def __str__(self) -> str:
        return f"{self.type} {self.event}"


class PaymentEvent(models.Model):
    """What the payment provider told us by itself, once for each id of its own. Never what it said."""

    RECEIVED: ClassVar[str] = "received"
    PROCESSED: ClassVar[str] = "processed"
    QUARANTINED: ClassVar[str] = "quarantined"

    id = IdentifierField(prefix="pev")
    provider = models.CharField(max_length=255, help_text="The part that verified it.")
    event = models.CharField("event id", max_length=255, help_text="The provider's own id of it.")
    type = models.CharField(max_length=64, blank=True, help_text="What the provider calls it.")
    about = models.CharField(max_length=16)
    attempt = models.CharField("payment", max_length=64, blank=True)
    reference = models.CharField(
        max_length=255,
        blank=True,
        default="",
        db_default="",
        help_text="The provider's own id of the payment.",
    )
    stray = models.CharField(max_length=200, blank=True, help_text="Why the part says it is not for us.")
    state = models.CharField(
        max_length=11,
        choices=[(name, name) for name in (RECEIVED, PROCESSED, QUARANTINED)],
        default=RECEIVED,
    )
    reason = models.CharField(max_length=200, blank=True, help_text="Why it is in quarantine.")
    processed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_payment_event"
        ordering = ("-created_at",)
        verbose_name = "payment event"
        indexes = (
            models.Index(fields=("-created_at",), name="agentic_pay_event_newest"),
            models.Index(fields=("attempt",), name="agentic_pay_event_attempt"),
            models.Index(
                fields=("-created_at",),
                condition=models.Q(state="quarantined"),
                name="agentic_pay_event_stray",
            ),
        )
        constraints = (models.UniqueConstraint(fields=("provider", "event"), name="agentic_pay_event_once"),)

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"
