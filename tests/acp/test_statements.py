"""How many SQL statements each route may cost (the budgets of the design, BEGIN and the like not counted)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.agents import ADDRESS, MINIMAL, PlayedAgent

FREE = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET ", "PRAGMA")


def statements(act: Callable[[], Any]) -> list[str]:
    """What `act` sends to the database, after one warm-up by the caller."""
    with CaptureQueriesContext(connection) as captured:
        act()
    return [entry["sql"] for entry in captured if not entry["sql"].upper().startswith(FREE)]


def test_retrieve_costs_two(agent: PlayedAgent) -> None:
    session = agent.ready()

    assert len(statements(lambda: agent.retrieve(session))) == 2


def test_create_costs_six(agent: PlayedAgent) -> None:
    agent.create()

    assert len(statements(lambda: agent.post("/checkout_sessions", MINIMAL))) == 6


def test_update_costs_at_most_nine(agent: PlayedAgent) -> None:
    session = agent.ready()

    spent = statements(lambda: agent.update(session, {"fulfillment_details": {"address": ADDRESS}}))

    assert len(spent) <= 9, spent


def test_complete_costs_at_most_twenty(agent: PlayedAgent) -> None:
    session = agent.ready()

    spent = statements(lambda: agent.complete(session))

    assert len(spent) <= 20, spent


@pytest.mark.parametrize("lines", [1, 10])
def test_the_cost_does_not_grow_with_the_lines(agent: PlayedAgent, lines: int) -> None:
    """One read for all products, however many."""
    from gateway.shop.models import Product

    ids = list(Product.objects.filter(active=True, available__gt=0).values_list("pk", flat=True)[:lines])
    body = {**MINIMAL, "line_items": [{"id": item} for item in ids]}
    agent.post("/checkout_sessions", body)

    assert len(statements(lambda: agent.post("/checkout_sessions", body))) == 6
