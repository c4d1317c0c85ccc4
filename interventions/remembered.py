"""What operators set, as this process knows it: it is needed often, and changes seldom."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import models, transaction
from django.db.models.signals import post_delete, post_save

FRESH_SECONDS = 5.0
"""How long another process may go on with what it read."""

Kept = TypeVar("Kept")


class Remembered(Generic[Kept]):
    """What `read` gives, read at most FRESH_SECONDS ago. A change made in this process counts at once.

    Threads may share it. A transaction may be open.
    """

    def __init__(self, read: Callable[[], Kept]) -> None:
        self._new = read
        self._edition = object()
        """Another one each time somebody says that it changed."""
        self._read: tuple[object, float, Kept] | None = None
        """What was read, when, and of which edition: what a slow reader read before a change is not kept as
        new."""

    def __call__(self) -> Kept:
        now, edition, read = time.monotonic(), self._edition, self._read
        if read is not None and read[0] is edition and now - read[1] < FRESH_SECONDS:
            return read[2]
        found = self._new()
        self._read = (edition, now, found)
        return found

    def forget(self) -> None:
        """It is read again when it is needed next."""
        self._edition, self._read = object(), None

    def forgotten_with(self, model: type[models.Model], name: str) -> None:
        """Forgotten whenever a row of `model` is saved or deleted: at once for who made the change, and for
        the others when they can see it. Until the commit another thread reads what was, and may keep it."""

        def changed(*, using: str | None = None, **_: Any) -> None:
            self.forget()
            transaction.on_commit(self.forget, using=using, robust=True)

        post_save.connect(changed, sender=model, weak=False, dispatch_uid=f"agentic_{name}_saved")
        post_delete.connect(changed, sender=model, weak=False, dispatch_uid=f"agentic_{name}_deleted")
