"""Stripe's provider against the contracts of its ports: at the double, and at Stripe itself on request.

The latter with a merchant's own key of the test mode:

    STRIPE_TEST_SECRET_KEY=sk_test_... pytest -m stripe_live tests/contracts/test_stripe.py
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from checkout.payments.stripe import StripeApi
from checkout.payments.stripe_payments import StripeProvider
from checkout.payments.stripe_terms import API, VERSION, Terms
from checkout.payments.stripe_vault import StripeVault
from checkout.payments.vault import Card
from checkout.ports import ActionRequired, Attempt, Instrument
from gateway.egress import Egress
from tests.contracts.payments import AuthenticatingPaymentsContract, LedgerPaymentsContract
from tests.contracts.vault import VaultContract
from tests.stripe_double.process import Stripe
from tests.stripe_double.provider import BACK, card, provider, vault


@pytest.fixture(scope="module")
def running() -> Iterator[Stripe]:
    with Stripe() as stripe:
        yield stripe


class TestStripeProvider(LedgerPaymentsContract, AuthenticatingPaymentsContract):
    RETURNS_WITH_STATE = False
    stripe: ClassVar[Stripe]

    @pytest.fixture(autouse=True)
    def _running(self, running: Stripe) -> None:
        type(self).stripe = running

    def part(self) -> StripeProvider:
        return provider(self.stripe)

    def good(self) -> Instrument:
        return card(self.stripe.grant("pm_card_visa"))

    def bad(self) -> Instrument:
        return card(self.stripe.grant("pm_card_chargeDeclined"))

    def asking(self) -> Instrument:
        return card(self.stripe.grant("pm_card_threeDSecure2Required"))

    def run(self, required: ActionRequired) -> Mapping[str, Any]:
        return self.stripe.authenticate(required.reference)

    def approve(self, page: str) -> None:
        assert self.stripe.decide(page, "approve").status_code == 303

    def charges(self, attempt: Attempt) -> int:
        return len(self.stripe.charges(attempt.session_id))

    def refunded(self, attempt: Attempt) -> int:
        rows = self.stripe.ledger["refunds"]
        return sum(row["amount"] for row in rows if row["metadata"]["attempt"] == attempt.id)


class TestStripeVault(VaultContract):
    stripe: ClassVar[Stripe]

    @pytest.fixture(autouse=True)
    def _running(self, running: Stripe) -> None:
        type(self).stripe = running

    def part(self) -> StripeVault:
        return vault(self.stripe)

    def good(self) -> Card:
        return Card("4242424242424242", "fpan", "credit", "11", "2034", cvc="9173")

    def bad(self) -> Card:
        return Card("4111111111111111", "fpan", "credit", "11", "2034", cvc="9173")

    def stored(self) -> int:
        return len(self.stripe.ledger["methods"])


@pytest.mark.stripe_live
class TestStripeItself(LedgerPaymentsContract):
    """Needs the network, and leaves payments in the books of the test mode."""

    @pytest.fixture(autouse=True)
    def _key(self) -> None:
        if not os.environ.get("STRIPE_TEST_SECRET_KEY", "").startswith(("sk_test_", "rk_test_")):
            pytest.fail("needs a key of the test mode in STRIPE_TEST_SECRET_KEY")

    def terms(self) -> Terms:
        return Terms(os.environ["STRIPE_TEST_SECRET_KEY"], "profile_test", payment_methods=True)

    def part(self) -> StripeProvider:
        return StripeProvider(
            self.terms(),
            Egress(),
            returned=lambda attempt: BACK + attempt,
            attempt_seconds=60,
            verb_seconds=19,
        )

    def attempt(self, instrument: Instrument | None = None, amount: int = 4_200) -> Attempt:
        made = super().attempt(instrument, amount)
        run = os.urandom(8).hex()  # Stripe remembers the last run
        return Attempt(f"{made.id}_{run}", f"{made.session_id}_{run}", amount, self.CURRENCY, instrument)

    def good(self) -> Instrument:
        return card("pm_card_visa")

    def bad(self) -> Instrument:
        return card("pm_card_chargeDeclined")

    def charges(self, attempt: Attempt) -> int:
        return sum(
            row["status"] == "succeeded" and row["metadata"].get("session") == attempt.session_id
            for row in self._recent("charges")
        )

    def refunded(self, attempt: Attempt) -> int:
        rows = self._recent("refunds")
        return sum(row["amount"] for row in rows if row["metadata"].get("attempt") == attempt.id)

    def _recent(self, service: str) -> Iterator[Mapping[str, Any]]:
        """What was made in the last minutes."""
        key = self.terms().secret_key
        api = StripeApi(key, Egress(), version=VERSION, origin=API, timeout_seconds=10, retries=1)
        return api.every(service, {"created": {"gte": int(time.time()) - 600}})
