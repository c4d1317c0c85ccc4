"""The outbox port: effects as rows of the transaction that causes them, and what each kind does.

Rows are the only durable queue (decision 7). `gateway.delivery` makes the effects happen,
`gateway.relay` decides who does it and when.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from gateway.models import OutboxMessage
from interventions.prepared import insert

Handler = Callable[[dict[str, Any]], object]
"""Makes one effect happen from the row's payload. Runs with no transaction open, and must be
safe to run twice: a killed worker's message is given to another one. Raising means "again
later", and GivenUp "never again, unless an operator says so"; what it returns is ignored. It has
to end within MESSAGE_LEASE_SECONDS."""

woken = threading.Event()
"""Set when something became due in this process: the relay here need not wait for its poll."""

_handlers: dict[str, Handler] = {}


class UnknownKind(LookupError):
    """No handler is registered for a message's kind."""


class DatabaseOutbox:
    """`checkout.ports.Outbox` in the database."""

    def add(self, kind: str, payload: Mapping[str, Any], due: datetime | None = None) -> None:
        """The effect happens at least once, at `due` or now, if the current transaction commits.

        Raises RuntimeError when no transaction is open: the row would then not belong to the
        change that causes it. Talks to the database only, never to a broker (R15).
        """
        self._add([(kind, payload)], due)

    def add_all(self, effects: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """As `add` for each kind and payload, all due now, in one statement."""
        if effects:
            self._add(effects, None)

    def _add(self, effects: Sequence[tuple[str, Mapping[str, Any]]], due: datetime | None) -> None:
        if not transaction.get_connection().in_atomic_block:
            raise RuntimeError(f"An effect ({effects[0][0]}) needs the transaction that causes it.")
        now = timezone.now()
        due_at = due or now
        insert(
            [
                OutboxMessage(kind=kind, payload=dict(payload), due_at=due_at, created_at=now)
                for kind, payload in effects
            ]
        )
        if due_at <= now:
            # A hint only: lost with the process, and its failure must not reach the caller.
            transaction.on_commit(woken.set, robust=True)


def register(kind: str, handler: Handler) -> None:
    """Messages of `kind` are given to `handler` from now on, instead of an earlier one."""
    _handlers[kind] = handler


def handles(kind: str) -> Callable[[Handler], Handler]:
    """Decorator: the function handles messages of `kind`."""

    def keep(handler: Handler) -> Handler:
        register(kind, handler)
        return handler

    return keep


def handler_of(kind: str) -> Handler:
    """What is registered for `kind`. Raises UnknownKind when nothing is."""
    try:
        return _handlers[kind]
    except KeyError:
        raise UnknownKind(kind) from None
