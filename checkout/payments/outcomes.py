"""What a payment provider is given, and what it may answer. Values, not exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

DELEGATED = "spt"
"""The credential type of a delegated token (ACP-179)."""

PURCHASE_ORDER = "purchase_order"
"""The instrument of a buyer who names a purchase order and nothing to charge."""


@dataclass(frozen=True, slots=True)
class Handler:
    """One accepted way to pay, as agents see it (ACP-174 to ACP-178).

    `declarations.problems` says what is wrong with one.
    """

    id: str
    name: str
    version: str
    spec: str
    psp: str
    config_schema: str
    instrument_schemas: tuple[str, ...]
    config: Mapping[str, Any]
    display_name: str = ""
    display_order: int | None = None
    requires_delegate_payment: bool = True
    requires_pci_compliance: bool = False
    credential_types: tuple[str, ...] = (DELEGATED,)
    """What it takes; with `requires_delegate_payment` delegated tokens only."""
    needs: frozenset[str] = frozenset()
    """The intervention types a payment through it may ask for; agents are not shown it."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """What the agent pays with, and what it says of the payer, for the provider to judge.

    All but the first three is shown in no repr; token, address and signals are stored nowhere.
    """

    handler_id: str
    type: str
    credential_type: str
    token: str = field(repr=False)
    belongs_to: str | None = field(default=None, repr=False)
    """The handler that the instrument itself names, if it does (ACP-180)."""
    billing_address: Mapping[str, str] | None = field(default=None, repr=False)
    risk_signals: Mapping[str, str] | None = field(default=None, repr=False)
    """The payer's device as the agent saw it (ACP-046): untrusted, never a reason to trust."""
    from_our_page: bool = field(default=False, repr=False)
    """A person gave it at our own page, which had the provider say that it is from there. Only the forms
    of our pages set it, and nothing that an agent sends."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One payment to be made. `id` is the idempotency key for the provider."""

    id: str
    session_id: str
    amount: int
    currency: str
    instrument: Instrument | None = None
    authentication_required: bool = False
    """The merchant takes no money that the card's issuer did not see its holder for (3-D Secure):
    the provider raises a challenge, or answers Authorized with `authenticated`, or declines."""
    opened_at: datetime | None = None
    """When it was: a provider forgets keys after a while. None: just now."""


@dataclass(frozen=True, slots=True)
class Authorized:
    """The provider will pay on capture; `captured` when it has already taken the money."""

    reference: str
    captured: bool = False
    authenticated: bool = False
    """The issuer answered for its holder (3-D Secure), with a challenge or without."""
    liability_shift: bool | None = None
    """Whether a dispute is the issuer's loss, by the provider's word alone; None: it did not say."""


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """A person must act before the money can move."""

    reference: str
    intervention_type: str = "3ds"
    redirect_url: str | None = None
    """The provider's own page for it, when it has one; see `AuthenticatingProvider`."""
    metadata: Mapping[str, Any] | None = None
    """`authentication_metadata`, for an agent that runs 3-D Secure itself; None: no agent can."""
    seconds: float | None = None
    """The challenge is over after so long; None: whenever the merchant says."""


@dataclass(frozen=True, slots=True)
class Declined:
    """The provider said no, for certain. `code` is its reason, `message` may be shown."""

    code: str
    message: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The provider has no attempt under that id."""


Outcome = Authorized | ActionRequired | Declined


@dataclass(frozen=True, slots=True)
class Refunded:
    """What has become of money that was to go back. `failed`: it did not, and never will."""

    reference: str
    state: Literal["pending", "completed", "failed"] = "completed"
    reason: str = ""
    """Why it failed, in the provider's code."""


@dataclass(frozen=True, slots=True)
class RefundEntry:
    """One refund as the provider's books have it now."""

    key: str
    """The one that it was asked for under; "" for one that we did not ask for."""
    reference: str
    state: Literal["pending", "completed", "failed"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dispute:
    """A buyer disputes a payment, as the provider's books have it now."""

    key: str
    """The provider's own id of it."""
    amount: int
    currency: str
    state: Literal["open", "won", "lost"]
    """`lost`: the money went back to the buyer."""
    reason: str = ""
    opened_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One payment as the provider's own books have it, for reconciliation. Amounts in minor units."""

    reference: str
    attempt_id: str
    """The attempt it was made for, or "" when it names none of ours."""
    state: Literal["waiting", "authorized", "captured", "voided", "declined"]
    amount: int
    currency: str
    captured: int
    refunded: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """A verified message from the provider: a hint to ask it about `attempt_id`."""

    id: str
    attempt_id: str
    """The attempt it is about, or "" when it names none of ours."""
    about: Literal["payment", "refund", "dispute"] = "payment"
    type: str = ""
    """What the provider calls it, for operators."""
    stray: str = ""
    """Why it is not for us although it is genuine, such as a test event in live mode; then nobody
    acts on it, and an operator sees it."""
    reference: str = ""
    """The payment that it is about by the provider's own id, for one that names no attempt."""
