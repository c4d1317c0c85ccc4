from __future__ import annotations

from django.conf import settings
from django.db import models


class CheckoutSession(models.Model):
    """A person's cart, by a name that the gateway uses as well."""

    customer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    note = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.note
