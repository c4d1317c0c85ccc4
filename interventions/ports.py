"""What a merchant plugs in to have a person act: who verifies, and how a person is reached.

Values are frozen. `tests/contracts` holds a reusable test class for each port.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from interventions.limits import OtpRules as OtpRules


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
    such as a nonce; it is never written to the database.

    `told` is what a page shown in a frame is handed by ours, in a message to its origin, once it says
    that it is ready: a secret that must stand in no address. It is never written to the database either.
    """

    url: str
    memory: Mapping[str, str] = field(default_factory=dict, repr=False)
    told: Mapping[str, str] = field(default_factory=dict, repr=False)


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
class DeviceKey:
    """A key that a person's device has just made, and how often it was used."""

    credential_id: str
    public_key: bytes = field(repr=False)
    sign_count: int
    aaguid: str = ""
    """The make of the device, as far as it says so."""


@runtime_checkable
class DeviceProvider(Protocol):
    """A key in the person's own device, which the device uses only for who unlocks it.

    Pure: no database, no network. Both verbs that judge raise Unproven for everything else than a
    proof by a device that verified its user, for exactly this challenge.
    """

    @property
    def name(self) -> str:
        """Who it is, as agents and operators read it."""
        ...

    def to_make(self, challenge: bytes, *, handle: bytes, account: str) -> Mapping[str, Any]:
        """What a page hands to the device to have it make a key for `account`."""
        ...

    def to_use(self, challenge: bytes) -> Mapping[str, Any]:
        """What a page hands to the device to have it use a key it has."""
        ...

    def challenge_in(self, answer: Mapping[str, Any]) -> bytes:
        """The challenge that the device's answer says it is for. Proves nothing; raises Unproven."""
        ...

    def key_in(self, answer: Mapping[str, Any]) -> str:
        """The id of the key that the answer says it is by. Proves nothing; raises Unproven."""
        ...

    def made(self, answer: Mapping[str, Any], challenge: bytes) -> DeviceKey:
        """The key that the device made."""
        ...

    def used(self, answer: Mapping[str, Any], challenge: bytes, key: DeviceKey) -> int:
        """The device used `key`; how often it has by now, which is 0 for ever, or more than before."""
        ...


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """Where something goes, as an agent sent it: untrusted, any length, and shown in no repr."""

    line_one: str = field(repr=False)
    city: str = field(repr=False)
    state: str = field(repr=False)
    postal_code: str = field(repr=False)
    country: str
    line_two: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    company: str = field(default="", repr=False)


class Doubt(StrEnum):
    """Why a member of an address looks wrong."""

    UNKNOWN = "unknown"
    """There is nothing of this name or code."""
    MALFORMED = "malformed"
    """The country writes it in another form."""
    MISPLACED = "misplaced"
    """It belongs elsewhere than the rest of the address."""
    SPELLING = "spelling"
    """It is known what is meant, and that is written differently."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class AddressFinding:
    """What looks wrong with one member of an address, named as the protocol names it."""

    member: str
    doubt: Doubt
    suggestion: str = field(default="", repr=False)
    """What should probably stand there instead, such as `94105-1234`; empty when nobody can tell."""
    example: str = ""
    """How such a member is written in that country, when nothing can be suggested."""


@runtime_checkable
class AddressCheck(Protocol):
    """Looks at where goods are sent, passively (decision 23): what it finds is told, blocks nothing
    and changes nothing.

    Pure, local and quick: no network and no database, because a transaction is open. Repeatable:
    it is asked whenever a session is priced. Never raises, whatever stands in the address.
    """

    def check(self, address: PostalAddress) -> Sequence[AddressFinding]:
        """What looks wrong, at most one finding for each member; empty when nothing does."""
        ...


@runtime_checkable
class TextMessages(Protocol):
    """Who carries text messages to phones, such as a provider of SMS.

    Called by the relay with no transaction open; may take seconds. Keeps and logs no text: it may
    hold a code.
    """

    def send(self, to: str, text: str, *, id: str) -> None:
        """The text is on its way to the number `to`, which is in E.164 form: `+14155550123`.

        `id` names this one text, so that a part which tries again by itself sends it once. Raises,
        whatever it likes, when it may be tried again: a new text with another id then follows.
        """
        ...


@dataclass(frozen=True, slots=True)
class Contact:
    """The person behind a subject, and what a message to them says about it.

    `requested_by` is an agent's own name and untrusted. A line of `items_text` per item.
    """

    address: str = field(repr=False)
    """Of their mail; empty when they have none."""
    merchant: str
    amount_text: str
    items_text: str
    requested_by: str
    locale: str = ""
    phone: str = field(default="", repr=False)
    """In E.164 form; empty when none is known."""


class GivenUp(Exception):
    """Raised by what makes an effect happen: trying again would end the same way. The effect is dead at
    once, for an operator, who can have it tried again."""


@runtime_checkable
class Outbox(Protocol):
    """Effects as rows of the transaction that causes them."""

    def add(self, kind: str, payload: Mapping[str, Any], due: datetime | None = None) -> None:
        """The effect will happen at least once, at `due` or now, if and only if the current
        transaction commits. Must run inside a transaction; ids only, no secret in `payload`."""
        ...

    def add_all(self, effects: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """As `add` for each kind and payload, all due now, at the cost of one."""
        ...


@dataclass(frozen=True, slots=True)
class RiskFacts:
    """What is known of a purchase. Who buys, where it goes, how it is paid and what the agent saw of
    the payer are the agent's words: they may raise a risk, and are never a reason to trust."""

    subject: str
    """The id of what is bought, such as a checkout session; it is not among earlier ones."""
    owner: str
    amount: int
    currency: str
    countries: frozenset[str] = frozenset()
    contact: str = field(default="", repr=False)
    """Where the buyer can be reached; "" when nobody said."""
    delivery_address: Mapping[str, Any] | None = field(default=None, repr=False)
    tendered: bool = False
    """It is to be paid now, with what follows."""
    handler: str = ""
    billing_address: Mapping[str, Any] | None = field(default=None, repr=False)
    signals: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The payer's device, as the agent describes it."""


@dataclass(frozen=True, slots=True)
class Risk:
    """A verdict. `reasons` are for operators; agents never see them, and nobody's data is in them."""

    high: bool = False
    reasons: tuple[str, ...] = ()


@runtime_checkable
class RiskAssessor(Protocol):
    """Says whether a purchase that a `conditional` policy matches is risky (acp.md 0.3 step 8).

    Called whenever such a session is priced, and again before it is charged, with a transaction
    open: quick, with local data alone, no network. It writes nothing. The same facts and the same
    books give the same verdict. One that raises is taken for a high risk.
    """

    def assess(self, facts: RiskFacts) -> Risk:
        """The verdict. High: the person has to do what the policy asks for before it is charged."""
        ...


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """What the merchant knows of an agent, besides its words."""

    known: bool = False
    """An operator has looked at it."""
    person_server: str = ""
    """Who speaks for its person, as its identity says; "" when nobody does."""


Choices = Callable[[], Sequence[tuple[str, str]]]
"""What an operator can choose from: values, and the names that they go by. Reads only; no network."""


def nothing_to_choose() -> Sequence[tuple[str, str]]:
    return ()


def nobody_known(owner: str) -> AgentFacts:
    """Nothing is known of anybody."""
    return AgentFacts()


def nobody_waits(subject: str) -> None:
    """Nothing is parked."""


def nobody_answers(subject: str) -> bool:
    """Nobody takes questions."""
    return False


def sealed_by_nobody(value: bytes, purpose: str) -> str:
    raise RuntimeError("Nobody seals secrets; is 'gateway' in INSTALLED_APPS?")


def unsealed_by_nobody(sealed: str, purpose: str) -> bytes:
    raise RuntimeError("Nobody opens what was sealed; is 'gateway' in INSTALLED_APPS?")


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
    rules: OtpRules = field(default_factory=OtpRules)
    channels: tuple[str, ...] = ("email",)
    """How one-time codes may reach a person, by name; the first that leads somewhere is taken."""
    texts: TextMessages | None = None
    """Who carries what goes by `sms`."""
    risk: RiskAssessor | None = None
    """None: every risk is low, and conditional policies only inform."""
    agents: Choices = nothing_to_choose
    """Whose purchases a policy can be for: owners, and the agents' names."""
    handlers: Choices = nothing_to_choose
    """What a policy can be for that is paid with: handlers' ids, and their names."""
    digests: Callable[[bytes, str], Sequence[str]] | None = field(default=None, repr=False)
    """The same under every key that is still recognised, the active one first; None: there is one."""

    wake: Callable[[str], None] = nobody_waits
    """Called when something about a subject's person has ended, or its agent is asked or has answered:
    whoever waits for the subject shall look again. Inside the transaction that made it so; quick, and it
    writes at most an effect."""
    answers: Callable[[str], bool] = nobody_answers
    """An agent waits for the subject now that takes questions about it (AA-101). Reads only."""
    agent: Callable[[str], AgentFacts] = nobody_known
    """What is known of an owner's agent. Reads only."""
    seal: Callable[[bytes, str], str] = field(default=sealed_by_nobody, repr=False)
    """A secret that is needed back, encrypted for a purpose; the key is not in the database."""
    unseal: Callable[[str, str], bytes] = field(default=unsealed_by_nobody, repr=False)
    """What was sealed for that purpose. Raises ValueError when no key that we have sealed it."""
    unanswered: str = "expire"
    """What an agent's silence means where nothing else was said: `expire`, or `continue` (AA-111)."""

    def known_digests(self, value: bytes, purpose: str) -> Sequence[str]:
        """Under which keyed hashes something of long ago may be stored."""
        return self.digests(value, purpose) if self.digests else (self.digest(value, purpose),)


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
