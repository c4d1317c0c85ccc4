"""What an agent did in a visit, kept so that nobody can change it unseen (AJ-092 to AJ-108).

Triggers in the database hold the rules, whoever writes: an event is the next of its chain and is never
changed; nothing follows the last seal; nothing is deleted before it is 30 days old.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from interventions.identifiers import LONGEST, IdentifierField


class AuditTrail(models.Model):
    """The end of the chain of one visit: the row that is locked before an event is added.

    Nobody writes it but the triggers. The visit is named by its id, so that a trail outlives it.
    """

    session = models.CharField(
        "agent session",
        max_length=LONGEST,
        primary_key=True,
        editable=False,
        help_text="The id of the visit.",
    )
    sequence = models.PositiveIntegerField("events", default=0, editable=False)
    head = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Hash of the last event; empty before the first."
    )
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    sealed_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="Nothing follows.")

    class Meta:
        db_table = "agentic_audit_trail"
        ordering = ("-opened_at",)
        verbose_name = "audit trail"
        indexes = (
            models.Index(fields=("-opened_at",), name="agentic_audit_newest"),
            models.Index(
                fields=("opened_at",), condition=models.Q(sealed_at=None), name="agentic_audit_open"
            ),
        )

    def __str__(self) -> str:
        return self.pk


class AuditEvent(models.Model):
    """One call, as the text that its hash is over."""

    id = IdentifierField(prefix="evt")
    trail = models.ForeignKey(AuditTrail, models.DO_NOTHING, related_name="events", editable=False)
    sequence = models.PositiveIntegerField(editable=False, help_text="1 is the first.")
    document = models.TextField(editable=False, help_text="The event in the canonical form of RFC 8785.")
    hash = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the document.")
    prev_hash = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_audit_event"
        ordering = ("trail", "sequence")
        verbose_name = "audit event"
        constraints = (models.UniqueConstraint(fields=("trail", "sequence"), name="agentic_audit_order"),)

    def __str__(self) -> str:
        return self.pk


class AuditSeal(models.Model):
    """The first `events` events of a trail, signed. The last seal of a trail is its `final` one."""

    id = IdentifierField(prefix="seal")
    trail = models.ForeignKey(AuditTrail, models.DO_NOTHING, related_name="seals", editable=False)
    events = models.PositiveIntegerField(editable=False)
    orders = models.PositiveIntegerField(default=0, editable=False, help_text="Bought in the visit by then.")
    final = models.BooleanField(editable=False, help_text="The visit has ended.")
    document = models.TextField(
        editable=False, help_text="Whose visit it was, as it was then, in the canonical form of RFC 8785."
    )
    root_hash = models.CharField(max_length=64, editable=False)
    signature = models.CharField(max_length=88, editable=False, help_text="Over the root hash.")
    artifact_signature = models.CharField(max_length=88, editable=False, help_text="Over everything.")
    key_id = models.CharField("key", max_length=32, editable=False)
    public_key = models.CharField(max_length=80, editable=False)
    sealed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_audit_seal"
        ordering = ("-sealed_at",)
        verbose_name = "audit seal"
        indexes = (models.Index(fields=("trail", "-sealed_at"), name="agentic_audit_seals"),)
        constraints = (
            models.UniqueConstraint(
                fields=("trail",), condition=models.Q(final=True), name="agentic_audit_final"
            ),
        )

    def __str__(self) -> str:
        return self.pk
