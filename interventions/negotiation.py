"""Capability negotiation (acp.md 0.3): what agent and merchant can both do, and whether it is enough.

Pure: no database, no settings. Nothing an agent declares can lower what is required (ACP-130).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The six intervention types, in the order in which they are reported."""

    THREE_DS = "3ds"
    BIOMETRIC = "biometric"
    ADDRESS_VERIFICATION = "address_verification"
    REDIRECT = "redirect"
    WEBVIEW = "webview"
    OTP = "otp"


class Enforcement(StrEnum):
    """When a requirement binds: on every transaction, by risk, or if the issuer asks (ACP-129)."""

    ALWAYS = "always"
    CONDITIONAL = "conditional"
    OPTIONAL = "optional"


APPROVAL = "approval"
"""The merchant's own yes (decision 23). No type of the protocol: it is never negotiated or shown as one."""

CONTACT = "contact"
"""The buyer's own mailbox, confirmed by a code on our page before a device becomes theirs. No type of
the protocol, and no agent can answer it."""

HANDOFF = "handoff"
"""The whole purchase, finished by a person on our page. No type of the protocol: it is never negotiated
or shown as one, and no policy requires it; one may allow it."""

QUESTION = "question"
"""What the agent itself is asked, before its person is. No type of the protocol: it is never negotiated or
shown as one, and no person acts."""

CONSENT = "consent"
"""What a person allows their own agent elsewhere, on our page as their person server. No type of the
protocol, about no purchase, and no agent can answer it."""

CODED = frozenset({Kind.OTP.value, CONTACT})
"""What is answered with a code, and counts against the caps of codes."""

PASSIVE = frozenset({Kind.ADDRESS_VERIFICATION})
"""Checks that ask nothing of a person, so they are never required (ACP-128)."""

LEAVES_THE_AGENT = frozenset({Kind.REDIRECT})
"""Types that cost a redirect."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What the agent said of itself. None: it did not say."""

    supported: tuple[str, ...] = ()
    redirect_context: str | None = None
    max_redirects: int | None = None
    max_interaction_depth: int | None = None


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a person must do for this session, by the merchant's policies alone."""

    kinds: frozenset[Kind] = frozenset()
    enforcement: Enforcement = Enforcement.CONDITIONAL
    approval: bool = False
    """The merchant looks at the purchase before it is paid."""
    approval_by_risk: bool = False
    """The merchant does so when the risk is high."""
    check_address: bool = False
    """Where it goes is looked at, and the buyer is told what looks wrong; nobody has to do anything."""
    hand_over: bool = False
    """An agent that cannot do what is asked may send the person to our page instead."""
    because: tuple[str, ...] = field(default=(), compare=False)
    """The names of the policies that ask. For operators; agents never see them (ACP-138)."""

    @property
    def weighs_risk(self) -> bool:
        """Whether the risk is low or high makes a difference."""
        by_risk = bool(self.kinds) and self.enforcement == Enforcement.CONDITIONAL
        return by_risk or (self.approval_by_risk and not self.approval)

    def binds(self, *, risky: bool) -> bool:
        """The types must be done before it can be paid (acp.md 0.3 step 8)."""
        by_risk = risky and self.enforcement == Enforcement.CONDITIONAL
        return by_risk or self.enforcement == Enforcement.ALWAYS

    def wants_approval(self, *, risky: bool) -> bool:
        return self.approval or (risky and self.approval_by_risk)


@dataclass(frozen=True, slots=True)
class Agreement:
    """The outcome. `supported` is the intersection, `required` what the policy asks for, whatever
    the agent can do; `compatible` when the one covers the other and the agent's limits allow it."""

    supported: tuple[Kind, ...]
    required: tuple[Kind, ...]
    enforcement: Enforcement
    compatible: bool

    @property
    def blocked(self) -> bool:
        """The session cannot be paid by this agent alone (ACP-134)."""
        return not self.compatible and self.enforcement == Enforcement.ALWAYS

    @property
    def missing(self) -> tuple[Kind, ...]:
        return tuple(kind for kind in self.required if kind not in self.supported)


def negotiate(declared: Declared, runnable: Iterable[Kind], requirement: Requirement) -> Agreement:
    """What can be done in this session.

    `runnable` is what this merchant can run for it. Unknown strings in `declared.supported` are
    dropped silently (ACP-131). A required type the merchant cannot run stays required: a
    misconfigured merchant sells nothing rather than less safely.
    """
    known = {kind.value for kind in Kind}
    offered = frozenset(Kind(name) for name in declared.supported if name in known)
    shared = offered & frozenset(runnable)
    if declared.redirect_context == "none" or declared.max_redirects == 0:
        shared -= LEAVES_THE_AGENT
    required = requirement.kinds - PASSIVE
    return Agreement(
        supported=_ordered(shared),
        required=_ordered(required),
        enforcement=requirement.enforcement,
        compatible=required <= shared and _fits(declared, required),
    )


def _fits(declared: Declared, required: frozenset[Kind]) -> bool:
    """The steps stay within the agent's limits, where it named any (ACP-132, ACP-133)."""
    depth, redirects = declared.max_interaction_depth, declared.max_redirects
    if depth is not None and len(required) > depth:
        return False
    return redirects is None or len(required & LEAVES_THE_AGENT) <= redirects


def _ordered(kinds: frozenset[Kind]) -> tuple[Kind, ...]:
    return tuple(kind for kind in Kind if kind in kinds)
