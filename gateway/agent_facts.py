"""What the merchant knows of an agent, for the rules of questions."""

from __future__ import annotations

from gateway.models import Agent
from interventions.ports import AgentFacts


def of(owner: str) -> AgentFacts:
    """What is known of the owner's agent; nothing of one that is there no more."""
    agent = _agent(owner)
    return AgentFacts(agent.known, agent.person_server) if agent else AgentFacts()


def _agent(owner: str) -> Agent | None:
    scheme, _, name = owner.partition(":")
    if scheme == "key":
        return Agent.objects.filter(pk=name, issuer="").first()
    issuer, _, identity = name.partition("|")
    return Agent.objects.filter(issuer=issuer, identity=identity).first() if scheme == "aauth" else None
