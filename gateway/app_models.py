"""What the merchant's own server told us of its app, so that nothing is heard twice."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class AppEvent(models.Model):
    """One message, by the id that the merchant's server gave it; never what it said."""

    event = models.CharField(max_length=255, primary_key=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)

    class Meta:
        db_table = "agentic_app_event"

    def __str__(self) -> str:
        return self.event
