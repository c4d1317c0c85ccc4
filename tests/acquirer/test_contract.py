"""Our client and the real process pass the contracts that a merchant's payment provider must pass."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from checkout.payments.acquirer import AcquirerProvider
from checkout.ports import ActionRequired, Attempt, Instrument
from tests.acquirer.account import provider
from tests.acquirer.process import Acquirer, decide
from tests.contracts.payments import AuthenticatingPaymentsContract, LedgerPaymentsContract


class TestAcquirer(LedgerPaymentsContract, AuthenticatingPaymentsContract):
    @pytest.fixture(autouse=True)
    def _running(self, acquirer: Acquirer) -> None:
        self.acquirer = acquirer

    def part(self) -> AcquirerProvider:
        return provider(self.acquirer)

    def good(self) -> Instrument:
        return Instrument("sandbox_card", "card", "spt", "spt_sandbox_ok")

    def bad(self) -> Instrument:
        return Instrument("sandbox_card", "card", "spt", "spt_sandbox_declined")

    def asking(self) -> Instrument:
        return Instrument("sandbox_card", "card", "spt", "spt_sandbox_3ds_challenge")

    def charges(self, attempt: Attempt) -> int:
        return sum(charge["session"] == attempt.session_id for charge in self.acquirer.charges)

    def refunded(self, attempt: Attempt) -> int:
        [charge] = [charge for charge in self.acquirer.charges if charge["key"] == attempt.id]
        return int(charge["refunded"])

    def run(self, required: ActionRequired) -> Mapping[str, Any]:
        """No agent can run it: the holder is at the page, and what an agent brings is only a claim."""
        assert required.metadata is None
        self.approve(str(required.redirect_url))
        details = {
            "three_ds_cryptogram": base64.b64encode(b"c" * 20).decode(),
            "electronic_commerce_indicator": "05",
            "transaction_id": str(uuid.uuid4()),
            "version": "2.2.0",
        }
        return {"outcome": "authenticated", "outcome_details": details}

    def approve(self, page: str) -> None:
        assert decide(page, "approve").status_code in (200, 303)
