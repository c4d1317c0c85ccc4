"""What people wrote to the merchant through their agents."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from interventions.identifiers import IdentifierField


class ContactMessage(models.Model):
    """One message, as it came: untrusted text without control characters, capped.

    It is stored before it is mailed, so that none is lost while the mail server is away.
    """

    id = IdentifierField(prefix="msg")
    name = models.CharField(max_length=200, help_text="As the agent says.")
    email = models.CharField(max_length=320, help_text="As the agent says; nobody has proven it.")
    message = models.TextField(max_length=5000, help_text="As the agent says.")
    session = models.CharField(
        "agent session", max_length=40, blank=True, help_text="The visit in which it was sent, if any."
    )
    mailed_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_contact_message"
        ordering = ("-created_at",)
        verbose_name = "message"
        indexes = (models.Index(fields=("-created_at",), name="agentic_contact_newest"),)

    def __str__(self) -> str:
        return self.pk
