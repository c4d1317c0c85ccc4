"""Calls that wait for a person, what is known of issuers, and signatures that were used."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from gateway.pending_states import MOVES, OPEN, PendingState
from interventions.identifiers import IdentifierField


class PendingRequest(models.Model):
    """One call of an agent that waits for a person (decision 9). Its link and its codes are computed from
    the id (`gateway.tickets`), so that a repeat names the same and the table holds neither.

    It belongs to the checkout session `subject`, whose interventions say what is asked now; a call may wait
    for several, one after the other. The held call runs once, when nothing is asked any more.
    """

    id = IdentifierField(prefix="prq")
    owner = models.CharField(max_length=255, help_text="Whose call it is, and who alone may ask about it.")
    key_thumbprint = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="Of the only key that may ask; empty: any key of the agent's (AA-021).",
    )
    subject = models.CharField(
        max_length=64, help_text="What the call is about: a checkout session, or a grant."
    )
    operation = models.CharField(max_length=32, help_text="By which it is run, such as acp.complete.")
    version = models.CharField(max_length=32, blank=True, help_text="Of the protocol that was spoken.")
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=255)
    held_body = models.TextField(blank=True, help_text="Sealed; erased when the call has ended.")
    capabilities = models.JSONField(default=list, help_text="What the agent declared with the call.")
    wording = models.CharField(max_length=8, help_text="draft-11, dual or seed.")
    state = models.CharField(max_length=12, choices=PendingState.choices, default=PendingState.PENDING)
    round = models.PositiveSmallIntegerField(default=0, help_text="Grows when a person is needed once more.")
    code_attempts = models.PositiveSmallIntegerField(default=0, help_text="Wrong codes, over all rounds.")
    code_used_round = models.SmallIntegerField(default=-1, help_text="Whose code was used last.")
    browser_digest = models.CharField(
        max_length=64, blank=True, help_text="Keyed hash of the one browser that has used the code."
    )
    callback_url = models.CharField(max_length=2000, blank=True)
    expires_at = models.DateTimeField()
    last_polled_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="Somebody runs the held call.")
    fence = models.PositiveIntegerField(default=0, help_text="Grows with each run; the older loses.")
    terminal_status = models.PositiveSmallIntegerField(null=True, blank=True)
    terminal_error = models.CharField(max_length=32, blank=True)
    terminal_detail = models.CharField(max_length=500, blank=True)
    terminal_body = models.TextField(blank=True, help_text="As it will be sent, without links.")
    delivered_at = models.DateTimeField(
        null=True, blank=True, help_text="The end was told; 410 from then on."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    MOVES: ClassVar = MOVES

    class Meta:
        db_table = "agentic_pending_request"
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=("-created_at",), name="agentic_prq_newest"),
            models.Index(fields=("subject",), name="agentic_prq_subject"),
            models.Index(fields=("owner", "-created_at"), name="agentic_prq_owner"),
            models.Index(
                fields=("expires_at",), condition=models.Q(state__in=OPEN), name="agentic_prq_deadline"
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=models.Q(state__in=PendingState.values), name="agentic_prq_state"
            ),
        )

    def __str__(self) -> str:
        return self.id


class Issuer(models.Model):
    """What an issuer of identities published, for all workers, and when it was asked last (AA-413)."""

    issuer = models.CharField(max_length=200)
    document = models.CharField(max_length=40, help_text="Such as aauth-agent.json.")
    metadata = models.JSONField(default=dict)
    keys = models.JSONField(default=list, help_text="Its public keys.")
    fetched_at = models.DateTimeField(null=True, blank=True)
    tried_at = models.DateTimeField(null=True, blank=True, help_text="Nobody is asked again within a minute.")

    class Meta:
        db_table = "agentic_issuer"
        ordering = ("issuer",)
        constraints = (models.UniqueConstraint(fields=("issuer", "document"), name="agentic_issuer_once"),)

    def __str__(self) -> str:
        return self.issuer


class UsedSignature(models.Model):
    """A signature that has changed something, as a hash, until its time window is over (AA-404)."""

    digest = models.CharField(max_length=64, primary_key=True)
    repeat_digest = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="Keyed hash of its Idempotency-Key: with the same one it is a repeat, which does no harm.",
    )
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "agentic_used_signature"

    def __str__(self) -> str:
        return self.digest[:8]
