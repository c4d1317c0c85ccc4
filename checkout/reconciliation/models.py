"""What differs between the provider's books and ours, and the runs that looked: facts, no workflow.

Subjects are kept as ids and not as foreign keys: a break may be about what we never had.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from checkout.reconciliation.kinds import Kind
from checkout.reconciliation.states import BREAK_MOVES, BreakState, Phase, RunState
from interventions.identifiers import IdentifierField


class Break(models.Model):
    """One difference. Open until it is healed, gone by itself, or closed by an operator with a reason.

    Moved only by `checkout.moves`.
    """

    MOVES: ClassVar = BREAK_MOVES

    id = IdentifierField(prefix="brk")
    kind = models.CharField(max_length=32, choices=Kind.choices)
    subject = models.CharField(
        max_length=255, help_text="What it is about: a payment, an order, or the provider's reference."
    )
    state = models.CharField(max_length=16, choices=BreakState.choices, default=BreakState.OPEN)
    payment = models.CharField(max_length=40, blank=True)
    session = models.CharField(max_length=40, blank=True)
    order = models.CharField(max_length=40, blank=True)
    reference = models.CharField(max_length=255, blank=True, help_text="The provider's own id.")
    ours_state = models.CharField("our state", max_length=32, blank=True)
    ours_amount = models.BigIntegerField("our amount", null=True, blank=True, help_text="Minor units.")
    ours_currency = models.CharField("our currency", max_length=3, blank=True)
    theirs_state = models.CharField("the provider's state", max_length=32, blank=True)
    theirs_amount = models.BigIntegerField("the provider's amount", null=True, blank=True)
    theirs_currency = models.CharField("the provider's currency", max_length=8, blank=True)
    entered_at = models.DateTimeField(
        null=True, blank=True, help_text="When the provider made the entry; where it is read again."
    )
    first_seen_at = models.DateTimeField(default=timezone.now, editable=False)
    last_seen_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    resolved_at = models.DateTimeField(null=True, blank=True, editable=False)
    resolved_by = models.CharField(max_length=255, blank=True)
    reason = models.CharField(max_length=255, blank=True)

    class Meta:
        db_table = "agentic_reconciliation_break"
        ordering = ("first_seen_at",)
        verbose_name = "reconciliation break"
        indexes = (
            models.Index(
                fields=("first_seen_at",),
                condition=models.Q(state=BreakState.OPEN),
                name="agentic_break_oldest",
            ),
            models.Index(fields=("state", "first_seen_at"), name="agentic_break_state"),
            models.Index(fields=("kind", "first_seen_at"), name="agentic_break_kind"),
            models.Index(fields=("kind", "subject"), name="agentic_break_subject"),
            models.Index(fields=("payment",), name="agentic_break_payment"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "subject"),
                condition=models.Q(state=BreakState.OPEN),
                name="agentic_break_open_once",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=BreakState.values), name="agentic_break_known_state"
            ),
            models.CheckConstraint(
                condition=models.Q(state=BreakState.OPEN, resolved_at=None)
                | (~models.Q(state=BreakState.OPEN) & models.Q(resolved_at__isnull=False)),
                name="agentic_break_resolved",
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk}: {self.get_kind_display()}"


class ReconciliationRun(models.Model):
    """One comparison of a period. It is done in slices, each by whoever holds the lease."""

    id = IdentifierField(prefix="rec")
    origin = models.CharField(max_length=16, help_text="What began it: schedule or command.")
    since = models.DateTimeField("from")
    until = models.DateTimeField(help_text="Entries and payments made before then.")
    heal = models.BooleanField(default=True)
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.RUNNING)
    phase = models.CharField(max_length=16, choices=Phase.choices, default=Phase.LEDGER)
    cursor = models.DateTimeField(help_text="Entries made before then are compared.")
    cursor_skip = models.PositiveIntegerField(
        default=0, help_text="So many of those made exactly then are compared too."
    )
    ours_cursor = models.DateTimeField(help_text="Payments opened before then are compared.")
    mark = models.CharField(max_length=64, blank=True, help_text="The last row of the phase it is at.")
    counts = models.JSONField(default=dict)
    error = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "agentic_reconciliation_run"
        ordering = ("-created_at",)
        verbose_name = "reconciliation run"
        indexes = (models.Index(fields=("origin", "-created_at"), name="agentic_run_newest"),)
        constraints = (
            models.UniqueConstraint(
                fields=("origin",),
                condition=models.Q(state=RunState.RUNNING, origin="schedule"),
                name="agentic_run_one_scheduled",
            ),
        )

    def __str__(self) -> str:
        return self.id
