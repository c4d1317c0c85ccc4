"""What a merchant plugs in to have a person act: who verifies, and how a person is reached.

Values are frozen. `tests/contracts` holds a reusable test class for each port.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Challenge:
    """What one person is asked to do. `id` is the idempotency key for the provider."""

    id: str
    type: str
    """otp, redirect, webview, 3ds, biometric or address_verification."""
    subject: str
    """The id of what waits for the person, such as a checkout session."""
    amount: int
    currency: str
    destination: str = field(default="", repr=False)
    """Where the person can be reached, for types that send something; shown in no repr."""


@dataclass(frozen=True, slots=True)
class Started:
    """The person can act now. Members that the type does not use stay empty."""

    expires_at: datetime
    hint: str = ""
    """Where it was sent, masked (ACP-147)."""
    redirect_url: str = ""
    callback_url: str = ""
    provider: str = ""


@dataclass(frozen=True, slots=True)
class NotPossible:
    """The provider cannot run this challenge; `reason` is for operators."""

    reason: str


@dataclass(frozen=True, slots=True)
class Passed:
    """The provider vouches that the person did it."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """No verdict: the person has not acted, or what came proves nothing."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider's verdict is no, for certain."""

    reason: str = ""


Verdict = Passed | NotYet | Refused


@runtime_checkable
class InterventionProvider(Protocol):
    """Runs one type of intervention. Called with no transaction open; may take seconds.

    Both verbs are repeatable by the challenge's id. An agent's word is never a verdict: what it
    brings is evidence that the provider judges by its own records (decision 20).
    """

    @property
    def type(self) -> str:
        """The intervention type it runs."""
        ...

    def start(self, challenge: Challenge) -> Started | NotPossible:
        """The person can act. A repeat answers the same challenge and sends nothing twice."""
        ...

    def verify(self, challenge: Challenge, evidence: Mapping[str, Any]) -> Verdict:
        """What the provider itself knows. Empty or invented evidence gives NotYet or Refused."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person is told. `id` makes a repeat recognisable; text from agents is untrusted."""

    id: str
    subject: str
    text: str
    url: str = ""


@runtime_checkable
class PersonChannel(Protocol):
    """A way to reach a person. Called by the relay with no transaction open; may be slow.

    At least once: a channel that can recognise a repeat by `notice.id` sends it once.
    """

    def reach(self, person: str, notice: Notice) -> bool:
        """The notice is on its way; False when this channel cannot reach this person. Raises
        when it may be tried again."""
        ...


@dataclass(frozen=True, slots=True)
class Contact:
    """The person behind a subject, and what a message to them says about it.

    `requested_by` is an agent's own name and untrusted. A line of `items_text` per item.
    """

    address: str = field(repr=False)
    merchant: str
    amount_text: str
    items_text: str
    requested_by: str
    locale: str = ""


@runtime_checkable
class Outbox(Protocol):
    """Effects as rows of the transaction that causes them."""

    def add(self, kind: str, payload: Mapping[str, Any], due: datetime | None = None) -> None:
        """The effect will happen at least once, at `due` or now, if and only if the current
        transaction commits. Must run inside a transaction; ids only, no secret in `payload`."""
        ...


@dataclass(frozen=True, slots=True)
class OtpRules:
    """The limits of one-time codes (reliability-security 1.8, T12 to T14)."""

    code_digits: int = 6
    challenge_seconds: int = 300
    """A code can be answered for so long; ten minutes at most."""
    intervention_seconds: int = 900
    """New challenges may start for so long (decision 18)."""
    cooldown_seconds: int = 60
    """After all attempts of one Intervention were wrong, the next one waits for so long."""
    attempts_per_challenge: int = 5
    """Of one Intervention, in fact: a new code gives no new attempts."""
    attempts_per_subject: int = 10
    attempts_per_destination: int = 20
    destination_window_seconds: int = 24 * 3600
    sends_per_challenge: int = 3
    send_gaps_seconds: tuple[int, ...] = (30, 60, 120)
    """Before the second send, before the third, before every later one."""
    sends_per_destination_hour: int = 5
    sends_per_destination_day: int = 10
    destination_gaps_seconds: tuple[int, ...] = (0, 30, 60, 120)
    """Between the sends to one destination within an hour, over all subjects and owners: none
    before the second, because a cart that changed must be confirmed anew at once (decision 21)."""
    sends_per_owner_day: int = 500
    """Of all that one owner, such as an agent, makes us send."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Every part that interventions work with."""

    providers: Mapping[str, object]
    """What can be run, by the name of its type; a policy can require nothing else."""
    outbox: Outbox
    digest: Callable[[bytes, str], str] = field(repr=False)
    """Keyed hash of a value for a purpose; the key is not in the database."""
    destination_of: Callable[[str], Contact | None]
    """Who is behind a subject, None when it is gone or names nobody. Reads only; no network."""
    rules: OtpRules = OtpRules()


_plugged: Parts | None = None


def plug(parts: Parts) -> None:
    """`parts` serve every call from now on. Called at start-up, and by tests."""
    global _plugged
    _plugged = parts


def ports() -> Parts:
    """The parts in use. Raises RuntimeError before anything was plugged in."""
    if _plugged is None:
        raise RuntimeError("No parts are plugged into interventions; is 'gateway' in INSTALLED_APPS?")
    return _plugged
