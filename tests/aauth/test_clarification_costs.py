"""Agents that take no questions pay nothing for there being any (AA-101)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway import agents
from gateway.shop import demo
from interventions.models import ClarificationRule
from tests.acp.test_statements import statements
from tests.agents import ADDRESS, PlayedAgent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def agent(transactional_db: None) -> PlayedAgent:
    demo.load()
    agents.load_demo()
    return PlayedAgent()


def spent(agent: PlayedAgent) -> list[int]:
    """The statements of a whole purchase, and of one that is called off."""
    session, other = agent.ready(), agent.ready()
    change = {"fulfillment_details": {"address": ADDRESS}}
    steps: list[Callable[[], Any]] = [
        lambda: agent.create(),
        lambda: agent.update(session, change),
        lambda: agent.complete(session),
        lambda: agent.cancel(other),
    ]
    return [len(statements(step)) for step in steps]


def test_a_bearer_key_costs_what_it_cost_before(agent: PlayedAgent) -> None:
    spent(agent)
    before = spent(agent)
    ClarificationRule.objects.create(name="all", question="Why?", high_risk=True, unknown_agents=True)

    assert spent(agent) == before
