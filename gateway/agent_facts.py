"""What the merchant knows of an agent, for the rules of questions."""

from __future__ import annotations

from gateway.agents import of_owner
from interventions.ports import AgentFacts


def of(owner: str) -> AgentFacts:
    """What is known of the owner's agent; nothing of one that is there no more."""
    agent = of_owner(owner)
    return AgentFacts(agent.known, agent.person_server) if agent else AgentFacts()
