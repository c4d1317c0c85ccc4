"""What a merchant plugs in to take cards for tokens: delegated payment (acp.md section N).

A card number passes through here on its way into a vault and stays nowhere else: no value that
holds one shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from checkout.errors import Invalid

CARD = "$.payment_method"


class CardRefused(Invalid):
    """The vault takes no such card. The text never repeats what was sent; nothing was stored."""

    code = "invalid_card"
    message = "This card is not taken."


@dataclass(frozen=True, slots=True)
class Card:
    """A card as an agent was told it by the buyer. Nothing of it is shown in a repr."""

    number: str = field(repr=False)
    number_type: str = field(repr=False)
    funding: str = field(repr=False)
    exp_month: str | None = field(default=None, repr=False)
    exp_year: str | None = field(default=None, repr=False)
    cvc: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    cryptogram: str | None = field(default=None, repr=False)
    eci: str | None = field(default=None, repr=False)
    checks_performed: Sequence[str] = field(default=(), repr=False)
    display: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Brand, last digits and wallet, as the agent shows them; untrusted."""
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    virtual: bool = False


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a token is good for (ACP-200): once, up to so much, for one session at one merchant."""

    max_amount: int
    currency: str
    checkout_session_id: str
    merchant_id: str
    expires_at: datetime
    reason: str = "one_time"
    owner: str = ""
    """Who brought the card, whose sessions alone the token pays for; "": whoever has it."""


@dataclass(frozen=True, slots=True)
class VaultToken:
    """What an agent pays with instead of the card. `id` is a secret: who has it can pay with it."""

    id: str = field(repr=False)
    created_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)


@runtime_checkable
class Vault(Protocol):
    """Keeps cards. Always called with **no transaction open**; may take up to its own timeout.

    Repeatable by `key`: the same one gives the same token and stores the card once. Raises
    CardRefused, and ProviderUnavailable: whether the card was stored is then unknown, and the same
    key may come again. No exception may hold anything of the card.
    """

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
        """The token for the card. Its metadata are those of the request, and may hold more."""
        ...


@dataclass(frozen=True, slots=True)
class Redemption:
    """What a token is used for: one attempt to pay."""

    attempt_id: str
    session_id: str
    amount: int
    currency: str
    merchant_id: str


@dataclass(frozen=True, slots=True)
class Redeemed:
    """The token is used up, by this attempt. `stands_for`: what the card behind it is to its provider."""

    stands_for: str = field(repr=False)
    card: str = field(repr=False)
    """A keyed hash, by which the card is known again."""


@dataclass(frozen=True, slots=True)
class NotRedeemed:
    """The token is not good for that; `code` says why. It is as it was."""

    code: str


class Redeemer(Protocol):
    """What a payment provider needs of the vault whose tokens it takes."""

    def redeem(self, token: str, use: Redemption) -> Redeemed | NotRedeemed:
        """The token is used for this attempt and no other, ever. Repeatable by the attempt's id.
        Opens no transaction; one conditional statement decides between two that come at once."""
        ...
