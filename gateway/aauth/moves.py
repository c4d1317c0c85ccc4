"""Stands in until the parking is here."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from gateway.pending_models import PendingRequest
from gateway.pending_states import PendingState
from interventions.errors import StateConflict


def move(row: PendingRequest, to: str, *, only: dict[str, Any] | None = None, **columns: Any) -> None:
    if to not in row.MOVES[row.state]:
        raise StateConflict
    columns["updated_at"] = timezone.now()
    rows = PendingRequest.objects.filter(pk=row.pk, state=row.state, **(only or {}))
    if not rows.update(state=to, **columns):
        raise StateConflict
    row.refresh_from_db()


def deny(row: PendingRequest) -> None:
    move(row, PendingState.DENIED, only={"lease_until": None}, terminal_status=403, terminal_error="denied")


def invalidate(row: PendingRequest) -> None:
    move(row, PendingState.INVALID_CODE, terminal_status=410, terminal_error="invalid_code")
