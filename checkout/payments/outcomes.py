"""What a payment provider is given, and what it may answer. Values, not exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Handler:
    """One accepted way to pay, as agents see it (ACP-174 to ACP-178)."""

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
    credential_types: tuple[str, ...] = ("spt",)


@dataclass(frozen=True, slots=True)
class Instrument:
    """What the agent pays with. The token is shown in no repr and stored nowhere."""

    handler_id: str
    type: str
    credential_type: str
    token: str = field(repr=False)


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
