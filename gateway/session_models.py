"""What an agent that knows only our address keeps between its calls."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from interventions.identifiers import IdentifierField


class AgentSession(models.Model):
    """One visit of an agent, from its creation to a deadline that use does not move (AJ-073).

    The token was shown once; here is its keyed hash. What the agent says of itself is untrusted text.
    """

    id = IdentifierField(prefix="ase")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField("begins with", max_length=6, editable=False)
    agent_name = models.CharField(max_length=100, blank=True, help_text="As the agent says.")
    agent_version = models.CharField(max_length=50, blank=True, help_text="As the agent says.")
    purpose = models.CharField(max_length=500, blank=True, help_text="As the agent says.")
    opener = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Keyed hash of who opened it, for the cap."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_because = models.CharField(
        max_length=16, blank=True, editable=False, help_text="By the agent, at the deadline, or revoked."
    )

    class Meta:
        db_table = "agentic_agent_session"
        ordering = ("-created_at",)
        verbose_name = "agent session"
        indexes = (
            models.Index(fields=("-created_at",), name="agentic_ase_newest"),
            models.Index(
                fields=("expires_at",), condition=models.Q(ended_at=None), name="agentic_ase_deadline"
            ),
            models.Index(fields=("opener",), condition=models.Q(ended_at=None), name="agentic_ase_opener"),
        )

    def __str__(self) -> str:
        return self.pk

    @property
    def owner(self) -> str:
        """How the checkout knows this visit (decision 8)."""
        return f"session:{self.pk}"
