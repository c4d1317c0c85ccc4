from __future__ import annotations

import itertools
import logging
import traceback
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from checkout.payments.vault import Allowance, Card, CardRefused, Vault, VaultToken

_numbers = itertools.count(1)


@pytest.mark.django_db(transaction=True)
class VaultContract:
    """The contract of `checkout.payments.vault.Vault`. Write `part`, `good`, `bad` and `stored`. No
    transaction is open, as when an agent brings a card."""

    def part(self) -> Vault:
        """A new instance of the part; what it keeps outlives it."""
        raise NotImplementedError

    def good(self) -> Card:
        """A card that it takes."""
        raise NotImplementedError

    def bad(self) -> Card:
        """A card that it does not take."""
        raise NotImplementedError

    def stored(self) -> int:
        """How many cards it keeps."""
        raise NotImplementedError

    # --- what it must do -------------------------------------------------------------------

    def allowance(self) -> Allowance:
        number = next(_numbers)
        until = timezone.now() + timedelta(hours=1)
        return Allowance(4_200, "usd", f"cs_contract_{number}", "merchant", until)

    def put(self, card: Card, key: str, allowance: Allowance | None = None) -> VaultToken:
        return self.part().store(
            card,
            allowance or self.allowance(),
            billing_address={"line_one": "1 Market Street", "postal_code": "94105", "country": "US"},
            risk_signals=[{"type": "card_testing", "score": 10, "action": "manual_review"}],
            metadata={"campaign": "q4"},
            key=key,
        )

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), Vault)
        assert not connection.in_atomic_block

    def test_a_card_becomes_a_token(self) -> None:
        token = self.put(self.good(), "contract-token")

        assert token.id
        assert self.good().number not in token.id
        assert token.metadata.items() >= {"campaign": "q4"}.items()
        assert abs(token.created_at - timezone.now()) < timedelta(minutes=5)

    def test_one_key_is_one_card_however_often_it_is_sent(self) -> None:
        allowance, before = self.allowance(), self.stored()

        tokens = {self.put(self.good(), "contract-once", allowance).id for _ in range(3)}

        assert len(tokens) == 1
        assert self.stored() == before + 1

    def test_two_keys_are_two_tokens(self) -> None:
        assert self.put(self.good(), "contract-1").id != self.put(self.good(), "contract-2").id

    def test_a_refusal_says_nothing_of_the_card(self, caplog: pytest.LogCaptureFixture) -> None:
        card, before = self.bad(), self.stored()
        caplog.set_level(logging.DEBUG)

        with pytest.raises(CardRefused) as refused:
            self.put(card, "contract-refused")

        told = "".join(traceback.format_exception(refused.value)) + repr(card) + caplog.text
        for secret in (card.number, card.cvc or card.number):
            assert secret not in str(refused.value)
            assert secret not in told
        assert self.stored() == before
