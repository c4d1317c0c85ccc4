"""Whether a transaction is open: a slow answer from elsewhere would hold its locks for everybody."""

from __future__ import annotations

from django.db import connections


def refuse_inside(text: str) -> None:
    """No transaction is open in this thread, on any database. Raises RuntimeError(text) otherwise.

    A test case's own transaction is none, as in Django's `durable`.
    """
    for connection in connections.all(initialized_only=True):
        if not all(getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
            raise RuntimeError(text)
