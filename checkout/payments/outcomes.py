"""What a payment provider is given, and what it may answer. Values, not exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Attempt:
    """One payment to be made. `id` is the idempotency key for the provider."""

    id: str
    session_id: str
    amount: int
    currency: str
    instrument: Instrument | None = None


@dataclass(frozen=True, slots=True)
class Authorized:
    """The provider will pay on capture; `captured` when it has already taken the money."""

    reference: str
    captured: bool = False


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """A person must act before the money can move."""

    reference: str
    intervention_type: str
    redirect_url: str | None = None


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
class ProviderEvent:
    """A verified message from the provider: a hint to ask it about `attempt_id`."""

    id: str
    attempt_id: str
