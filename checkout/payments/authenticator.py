"""What a merchant plugs in to run 3-D Secure for agents that hold a card: delegated authentication
(acp.md section O)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from checkout.payments.vault import Card


@dataclass(frozen=True, slots=True)
class Place:
    """Where the card's holder is. `browser` as the protocol names its members; untrusted."""

    browser: Mapping[str, Any] | None = field(default=None, repr=False)
    return_url: str = ""
    """Where the browser comes back to after a challenge."""
    session_id: str = ""
    """The checkout session whose payment waits for it."""
    shopper: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A card's holder is to be seen by its issuer, for exactly this. `currency` is in lower case."""

    card: Card
    merchant_id: str
    amount: int
    currency: str
    place: Place = Place()
    prefers_challenge: bool = False
    acquirer: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A page that the browser opens unseen, so that the issuer knows it."""

    url: str
    server_id: str


@dataclass(frozen=True, slots=True)
class ChallengePage:
    """A page where the issuer asks the holder."""

    url: str
    acs_id: str
    server_id: str
    version: str


@dataclass(frozen=True, slots=True)
class Result:
    """What the issuer said. `trans_status` in the letter of 3-D Secure; the proof with Y and A only."""

    trans_status: str
    transaction_id: str
    server_id: str
    version: str
    eci: str = ""
    cryptogram: str = field(default="", repr=False)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Authentication:
    """How it stands, in the words of ACP-207."""

    id: str
    status: str
    action: Fingerprint | ChallengePage | None = None
    result: Result | None = None


@runtime_checkable
class DelegatedAuthenticator(Protocol):
    """Runs 3-D Secure. Always called with **no transaction open**; may take up to its own timeout.

    Raises NotFound for an id that is not the owner's, Invalid for what does not fit the payment it is
    for (T34), CardRefused, and ProviderUnavailable. No exception may hold anything of the card.
    """

    def create(self, wanted: Wanted, *, owner: str, key: str) -> Authentication:
        """It is begun: `action_required`, `pending` (nothing to do before `authenticate`) or
        `not_supported`. Repeatable by `key`."""
        ...

    def authenticate(self, id: str, *, owner: str, fingerprint: str, place: Place) -> Authentication:
        """The issuer has decided, or wants to ask. What `place` leaves out is as it was said before.
        Repeatable."""
        ...

    def retrieve(self, id: str, *, owner: str) -> Authentication:
        """How it stands, with the result once there is one. What the holder did is asked of the issuer."""
        ...
