"""A small client for agents that speak AAuth. It needs no Django, and nothing of this project but the
signatures beside it.

    identity = Provider("https://agents.example", "aauth:me@agents.example", jwk).identity()
    agent = Agent(identity, resource="https://shop.example", on_interaction=show)
    answer = agent.request("POST", "/agentic/acp/checkout_sessions", json=body)
"""

from gateway.aauth.agent.client import Agent, Habits, error_in, link
from gateway.aauth.agent.exchange import (
    AgentError,
    Answer,
    BadAnswer,
    GaveUp,
    NoAnswer,
    NotAnswered,
    NotGranted,
    Unsafe,
    UserUnreachable,
    Withdrawn,
)
from gateway.aauth.agent.identity import (
    BadIdentity,
    Identity,
    Kept,
    Provider,
    ServerIdentity,
    create_identity,
    load_identity,
    new_provider_key,
    public_part,
)
from gateway.aauth.agent.replying import Changed, Withdraw
from gateway.aauth.agent.showing import Way, default_way, qr_code, show
from gateway.aauth.agent.verifying import NotSigned, who_signed
from gateway.aauth.agent.waiting import Notice

__all__ = [
    "Agent",
    "AgentError",
    "Answer",
    "BadAnswer",
    "BadIdentity",
    "Changed",
    "GaveUp",
    "Habits",
    "Identity",
    "Kept",
    "NoAnswer",
    "NotAnswered",
    "NotGranted",
    "NotSigned",
    "Notice",
    "Provider",
    "ServerIdentity",
    "Unsafe",
    "UserUnreachable",
    "Way",
    "Withdraw",
    "Withdrawn",
    "create_identity",
    "default_way",
    "error_in",
    "link",
    "load_identity",
    "new_provider_key",
    "public_part",
    "qr_code",
    "show",
    "who_signed",
]
