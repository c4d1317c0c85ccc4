"""The sandbox provider and the outbox pass the contracts that a merchant's parts must pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from checkout.models import SandboxCharge
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Attempt, Instrument
from gateway.models import OutboxMessage
from gateway.outbox import DatabaseOutbox
from tests.contracts.outbox import OutboxContract
from tests.contracts.payments import PaymentsContract


class TestSandboxProvider(PaymentsContract):
    def part(self) -> SandboxProvider:
        return SandboxProvider()

    def good(self) -> Instrument:
        return Instrument("sandbox_card", "card", "spt", "spt_sandbox_ok")

    def bad(self) -> Instrument:
        return Instrument("sandbox_card", "card", "spt", "spt_sandbox_declined")

    def charges(self, attempt: Attempt) -> int:
        return SandboxCharge.objects.filter(session=attempt.session_id).count()

    def refunded(self, attempt: Attempt) -> int:
        return sum(SandboxCharge.objects.get(key=attempt.id).refunds.values())


class TestDatabaseOutbox(OutboxContract):
    def part(self) -> DatabaseOutbox:
        return DatabaseOutbox()

    def waiting(self, kind: str) -> Sequence[tuple[Mapping[str, Any], datetime]]:
        rows = OutboxMessage.objects.filter(kind=kind, done_at=None).order_by("created_at")
        return list(rows.values_list("payload", "due_at"))
