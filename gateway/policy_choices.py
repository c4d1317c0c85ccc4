"""What an operator can bind a policy to: the agents by their names, and the ways to pay."""

from __future__ import annotations

from collections.abc import Sequence

from checkout.ports import ports
from gateway.models import Agent


def agents() -> Sequence[tuple[str, str]]:
    """Every agent, also one that is switched off now."""
    return [(agent.owner, agent.name) for agent in Agent.objects.order_by("name")]


def handlers() -> Sequence[tuple[str, str]]:
    """Every handler, whatever the currency."""
    parts = ports()
    found = {
        handler.id: handler.display_name or handler.name
        for currency in parts.catalog.currencies()
        for handler in parts.payments.handlers(currency=currency)
    }
    return sorted(found.items())
