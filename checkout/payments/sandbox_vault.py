"""A vault that keeps no cards: of a published test number it remembers how that one behaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from checkout.payments import allowances, sandbox_cards
from checkout.payments.vault import CARD, Allowance, Card, CardRefused, Redeemed, VaultToken
from checkout.sandbox_models import SandboxToken


class SandboxVault(allowances.Allowances):
    """Implements `vault.Vault` and `vault.Redeemer`. One statement each; never slow."""

    rows = SandboxToken

    def store(
        self,
        card: Card,
        allowance: Allowance,
        *,
        billing_address: Mapping[str, str] | None,
        risk_signals: Sequence[Mapping[str, object]],
        metadata: Mapping[str, str],
        key: str,
    ) -> VaultToken:
        known = sandbox_cards.CARDS.get(card.number)
        if known is None:
            raise CardRefused("The sandbox takes published test cards only.", param=f"{CARD}.number")
        row = SandboxToken(
            card_digest=sandbox_cards.digest(card.number),
            brand=known.brand,
            last4=card.number[-4:],
            stands_for=known.stands_for,
            **allowances.kept(key, allowance),
        )
        return allowances.issued(row, metadata)

    def _redeemed(self, row: SandboxToken) -> Redeemed:
        return Redeemed(row.stands_for, row.card_digest)
