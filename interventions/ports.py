"""What a merchant plugs in to have a person act: who verifies, and how a person is reached.

Values are frozen. `tests/contracts` holds a reusable test class for each port.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Begun:
    """A round trip to the provider's own page. `memory` is what the browser keeps for the way back,
    such as a nonce; it is never written to the database."""

    url: str
    memory: Mapping[str, str] = field(default_factory=dict, repr=False)


@runtime_checkable
class PageProvider(Protocol):
    """A page, not ours, where a person confirms: a redirect or an embedded page.

    Called with no transaction open; may take seconds. An agent's word is never a verdict: what
    it brings is a hint to ask the provider (decision 20). Both verbs raise ProviderSilent when
    the provider cannot be asked.
    """

    @property
    def name(self) -> str:
        """Who it is, as agents and operators read it, such as `com.example.wallet`."""
        ...

    @property
    def origins(self) -> Sequence[str]:
        """Where its pages are served from, such as `https://wallet.example`; nothing else is
        ever opened for a person (T30)."""
        ...

    def begin(self, challenge: Challenge, *, return_to: str, state: str) -> Begun:
        """Where the person's browser goes now. The provider sends it back to `return_to` with
        `state`. Repeatable: a person may start again."""
        ...

    def verify(self, challenge: Challenge, evidence: Mapping[str, str]) -> Verdict:
        """What the provider itself says of the challenge. `evidence` is what the browser brought
        back, with its memory; empty to ask the provider's books. Invented evidence gives NotYet
        or Refused."""
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
    approval_seconds: int = 4 * 3600
    """The merchant can approve a purchase for so long."""
    cooldown_seconds: int = 60
    """After all attempts of one Intervention were wrong, the next one waits for so long."""
    attempts_per_challenge: int = 5
    """Of one Intervention, in fact: a new code gives no new attempts."""
    attempts_per_subject: int = 10
    attempts_per_destination: int = 20
    destination_window_seconds: int = 24 * 3600
    refusals_per_subject: int = 3
    """Who has said no so often is asked no more."""
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
