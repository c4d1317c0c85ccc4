"""Who has signed a request, once that was verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from gateway.models import Agent

INTERACTION = "interaction"
CLARIFICATION = "clarification"

AGENT, PSEUDONYM, SERVER = "agent", "pseudonym", "server"
"""What a signature proves: an agent by its token; in older wordings a bare key, or a server as itself."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified agent, as `request.auth` of its request (`request.user` is the agent's row)."""

    agent: Agent
    issuer: str
    subject: str
    thumbprint: str
    """Of the key that signed, RFC 7638 with SHA-256; an agent has another with each token."""
    capabilities: frozenset[str] = frozenset()
    """What `AAuth-Capabilities` of this request names (AA-011)."""
    key: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The key itself, as a public JWK."""
    person_server: str = ""
    parent: str = ""
    """The agent that it is a sub-agent of, as its token names it."""
    token_id: str = ""
    token_expires_at: datetime | None = None
    assurance: str = AGENT
    legacy: bool = False
    """The request was in an older wording that the setting lets pass."""

    @property
    def owner(self) -> str:
        return self.agent.owner

    def can(self, capability: str) -> bool:
        return capability in self.capabilities


def remember(request: HttpRequest, identity: Identity) -> None:
    """The request was signed by `identity`; `of` finds it from then on."""
    request._agentic_identity = identity  # type: ignore[attr-defined]


def of(request: HttpRequest) -> Identity | None:
    """Who signed the request, None for a request with another credential or none."""
    return getattr(getattr(request, "_request", request), "_agentic_identity", None)
