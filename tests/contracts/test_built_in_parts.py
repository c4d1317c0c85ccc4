"""The sandbox provider and the outbox pass the contracts that a merchant's parts must pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from checkout.models import SandboxCharge
from checkout.payments.sandbox import SandboxProvider
from checkout.payments.sandbox_vault import SandboxVault
from checkout.payments.vault import Card
from checkout.ports import ActionRequired, Attempt, Instrument
from checkout.sandbox_models import SandboxToken
from gateway.models import OutboxMessage
from gateway.outbox import DatabaseOutbox
from interventions.providers.passkeys import Passkeys
from tests.bank import Wire, decide, provider, run
from tests.contracts.device_provider import DeviceProviderContract
from tests.contracts.outbox import OutboxContract
from tests.contracts.payments import AuthenticatingPaymentsContract, LedgerPaymentsContract
from tests.contracts.vault import VaultContract
from tests.interventions.device import ORIGIN, PlayedDevice


class TestSandboxProvider(LedgerPaymentsContract):
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


class TestSandboxProviderWithItsBank(AuthenticatingPaymentsContract):
    def part(self) -> SandboxProvider:
        return provider(Wire())

    def good(self) -> Instrument:
        return Instrument("sandbox_card", "card", "spt", "spt_sandbox_ok")

    def bad(self) -> Instrument:
        return Instrument("sandbox_card", "card", "spt", "spt_sandbox_declined")

    def asking(self) -> Instrument:
        return Instrument("sandbox_card", "card", "spt", "spt_sandbox_3ds_challenge")

    def run(self, required: ActionRequired) -> Mapping[str, Any]:
        return run({"authentication_metadata": required.metadata})

    def approve(self, page: str) -> None:
        assert decide(page, "approve").status_code == 303

    def charges(self, attempt: Attempt) -> int:
        return SandboxCharge.objects.filter(session=attempt.session_id).count()

    def refunded(self, attempt: Attempt) -> int:
        return sum(SandboxCharge.objects.get(key=attempt.id).refunds.values())


class TestSandboxVault(VaultContract):
    def part(self) -> SandboxVault:
        return SandboxVault()

    def good(self) -> Card:
        return Card("4242424242424242", "fpan", "credit", "11", "2034", cvc="9173")

    def bad(self) -> Card:
        return Card("4111111111111111", "fpan", "credit", "11", "2034", cvc="9173")

    def stored(self) -> int:
        return SandboxToken.objects.count()


class TestDatabaseOutbox(OutboxContract):
    def part(self) -> DatabaseOutbox:
        return DatabaseOutbox()

    def waiting(self, kind: str) -> Sequence[tuple[Mapping[str, Any], datetime]]:
        rows = OutboxMessage.objects.filter(kind=kind, done_at=None).order_by("created_at")
        return list(rows.values_list("payload", "due_at"))


class TestPasskeys(DeviceProviderContract):
    def part(self) -> Passkeys:
        return Passkeys(ORIGIN, merchant="Demo Shop")

    def device(self) -> PlayedDevice:
        return PlayedDevice()

    def make(
        self, device: PlayedDevice, options: Mapping[str, Any], *, verified: bool = True
    ) -> Mapping[str, Any]:
        device.verified = verified
        return device.make(options)

    def use(
        self, device: PlayedDevice, options: Mapping[str, Any], *, verified: bool = True
    ) -> Mapping[str, Any]:
        device.verified = verified
        return device.use(options)
