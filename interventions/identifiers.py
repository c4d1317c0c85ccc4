"""Ids that say what they name and cannot be guessed (reliability-security T05)."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import models

LONGEST = 40


def new(prefix: str) -> str:
    """128 random bits behind `prefix`."""
    return f"{prefix}_{secrets.token_hex(16)}"


class IdentifierField(models.CharField):
    """The primary key of a row that agents or people see. `prefix` names the kind of row.

    Migrations see an ordinary CharField, so that they import nothing of ours.
    """

    def __init__(self, *, prefix: str, **options: Any) -> None:
        self.prefix = prefix
        super().__init__(max_length=LONGEST, primary_key=True, editable=False, default=self.new, **options)

    def new(self) -> str:
        return new(self.prefix)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, _, args, options = super().deconstruct()
        options = {key: value for key, value in options.items() if key != "default"}
        return name, "django.db.models.CharField", list(args), options

    def clone(self) -> models.CharField:  # type: ignore[override]  # the column without our default
        _, _, args, options = self.deconstruct()
        return models.CharField(*args, **options)
