"""What agents can do here. Each capability is said once: documents, routes, checks, limits and the audit
trail follow from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from gateway.session_models import AgentSession

Type = Literal["string", "number", "integer", "boolean", "array", "object"]


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter (AJ-016). `least` and `most` bound a number, or the length of a text; the published
    form has no place for them."""

    type: Type
    description: str = ""
    required: bool = False
    default: Any = None
    enum: tuple[Any, ...] = ()
    items: Mapping[str, Any] | None = None
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call that may be carried out: identified, within its limits, `params` checked and complete."""

    capability: Capability
    params: Mapping[str, Any]
    session: AgentSession | None = None
    """The visit whose token was brought; none for an agent that signs."""
    others: Mapping[str, Any] = field(default_factory=dict)
    """Members that no parameter declares: filters, or noise (AJ-037)."""
    address: str = ""
    """Who connected, as `gateway.addresses` knows it."""
    agent: str = ""
    """The owner of the agent that signed the call, "" for all others."""

    @property
    def owner(self) -> str:
        """How the checkout knows who calls; never "" for a capability that requires a session."""
        return self.session.owner if self.session else self.agent


Seal = Callable[[Any], None]
"""Takes the `data` of the answer."""

Handler = Callable[[Call, Seal], None]
"""Does the work and calls `seal` once. What writes, calls it last inside its final transaction: the
answer, the idempotency row and the audit event are written there (decision 6). Raises CheckoutError, or
`refusals.Refused` with a text for the agent."""


def always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Capability:
    """Something that agents can do. `path` stands below the base, such as `/cart`."""

    name: str
    method: str
    path: str
    handler: Handler
    description: str = ""
    params: Mapping[str, Param] = field(default_factory=dict)
    requires_session: bool = False
    human_handoff: bool = False
    status: int = 200
    also: tuple[tuple[str, str], ...] = ()
    """Further methods and paths by which other clients call it, such as ("PUT", "/cart/update")."""
    advertised: str = ""
    """The path in the documents, where it is another than `path`."""
    enabled: Callable[[], bool] = always
