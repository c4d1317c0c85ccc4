"""How a person can be reached, and what came of each try. Addresses are sealed: whoever reads the database
can write to nobody."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from interventions.identifiers import IdentifierField


class ReachChannel(models.Model):
    """One way to one person: a browser in which they are signed in, a device that takes push messages, the
    merchant's own app, their mail. It is used only while it is known to work (AA-210)."""

    WEB_SESSION: ClassVar[str] = "web_session"
    WEB_PUSH: ClassVar[str] = "web_push"
    WEBHOOK: ClassVar[str] = "webhook"
    EMAIL: ClassVar[str] = "email"

    id = IdentifierField(prefix="rch")
    person = models.CharField(max_length=64, help_text="The account with the merchant.")
    kind = models.CharField(
        max_length=12,
        choices=[
            (WEB_SESSION, "open page"),
            (WEB_PUSH, "push message"),
            (WEBHOOK, "the merchant's app"),
            (EMAIL, "mail"),
        ],
    )
    label = models.CharField(max_length=100, blank=True, help_text="What the person calls it.")
    address = models.TextField(blank=True, help_text="Sealed.")
    fingerprint = models.CharField(max_length=64, help_text="Keyed hash of the address.")
    enabled = models.BooleanField(default=True, help_text="The person wants to be reached so.")
    verified_at = models.DateTimeField(null=True, blank=True, help_text="It was seen to work.")
    seen_at = models.DateTimeField(null=True, blank=True, help_text="It worked last, or was open last.")
    failed_at = models.DateTimeField(null=True, blank=True, help_text="It failed since it worked last.")
    proof = models.CharField(
        max_length=64,
        blank=True,
        db_default="",
        default="",
        help_text="Keyed hash of what a device has to bring back; empty when nothing was sent to it.",
    )
    proof_until = models.DateTimeField(null=True, blank=True, help_text="It can be brought back until then.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_reach_channel"
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=("person", "kind"), name="agentic_rch_person"),
            models.Index(fields=("-created_at",), name="agentic_rch_newest"),
            models.Index(fields=("kind", "-created_at"), name="agentic_rch_kind"),
        )
        constraints = (
            models.UniqueConstraint(fields=("person", "kind", "fingerprint"), name="agentic_rch_once"),
        )

    def __str__(self) -> str:
        return self.id

    @property
    def works(self) -> bool:
        """The person wants it, it was seen to work, and has not failed since (AA-210)."""
        if not self.enabled or self.verified_at is None:
            return False
        worked_at = max(self.verified_at, self.seen_at or self.verified_at)
        return self.failed_at is None or self.failed_at < worked_at


class ReachAttempt(models.Model):
    """One try to reach a person for something that waits."""

    TAKEN: ClassVar[str] = "taken"
    REFUSED: ClassVar[str] = "refused"
    BROKEN: ClassVar[str] = "broken"

    subject = models.CharField(max_length=64, help_text="What waits for the person.")
    channel = models.ForeignKey(ReachChannel, null=True, on_delete=models.SET_NULL, related_name="attempts")
    kind = models.CharField(max_length=12)
    result = models.CharField(max_length=8, choices=[(name, name) for name in (TAKEN, REFUSED, BROKEN)])
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_reach_attempt"
        ordering = ("at",)
        indexes = (models.Index(fields=("subject", "at"), name="agentic_reach_subject"),)

    def __str__(self) -> str:
        return f"{self.kind}: {self.result}"
