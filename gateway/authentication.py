"""Who is asking: an agent by its bearer key (ACP-003, ACP-004), or by a signature of its own (decision 30).

Whoever verifies signatures is plugged in, so that protocols need not know how. Without it, and while
AAUTH is off, a signature of RFC 9421 means nothing.
"""

from __future__ import annotations

from typing import Any, Protocol

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from gateway import agents, identities
from gateway.conf import conf
from gateway.errors import GatewayError, InvalidSignature, NotVerified, Unauthorized
from gateway.identities import Identity
from gateway.models import Agent

LONGEST_KEY = 512
BEARER = 'Bearer realm="agentic"'
AGENT_TOKEN = "requirement=agent-token"


class Signatures(Protocol):
    """Who verifies signed requests."""

    def identify(self, request: HttpRequest, *, cap: int) -> Identity:
        """Who signed the request, whose body has at most `cap` bytes; remembered by `identities`.

        Raises NotVerified, AgentRefused, RateLimited, and what `intake.read_raw` raises. A signature that
        changes something is used up by it. No transaction may be open.
        """
        ...


_signatures: Signatures | None = None


def plug(signatures: Signatures | None) -> None:
    """`signatures` verifies from now on; None: nobody does. Called at start-up."""
    global _signatures
    _signatures = signatures


def is_signed(request: HttpRequest) -> bool:
    """The request brings a signature of RFC 9421, and such signatures mean something here (AA-417)."""
    return _signatures is not None and conf().AAUTH and "HTTP_SIGNATURE_INPUT" in request.META


def identify(request: HttpRequest, *, cap: int) -> Identity | None:
    """Who signed the request, None when it is not signed. Raises as `Signatures.identify`. Repeatable."""
    if not is_signed(request):
        return None
    assert _signatures is not None
    return identities.of(request) or _signatures.identify(request, cap=cap)


def challenges(problem: GatewayError, bearer: str = BEARER) -> dict[str, str]:
    """The headers of a 401 that say what would be accepted (AA-410)."""
    headers = {"WWW-Authenticate": bearer, **problem.headers}
    if conf().AAUTH and not isinstance(problem, NotVerified | InvalidSignature):
        headers["AAuth-Requirement"] = AGENT_TOKEN
    return headers


class AgentCredentials(BaseAuthentication):
    """A signature, or `Authorization: Bearer <key>`. Cookies are not looked at (reliability-security T06)."""

    def authenticate(self, request: Request) -> tuple[Agent, Any]:
        identity = identify(request._request, cap=conf().BODY_BYTES)
        if identity is not None:
            return identity.agent, identity
        scheme, _, key = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key or len(key) > LONGEST_KEY:
            raise Unauthorized
        agent = agents.by_key(key)
        if agent is None:
            raise Unauthorized
        return agent, None

    def authenticate_header(self, request: Request) -> str:
        return BEARER
