"""What an operator can bind a policy to: the agents by their names, and the ways to pay."""

from __future__ import annotations

from collections.abc import Sequence

from checkout.ports import ports
from gateway.agents import shown
from gateway.models import Agent


def agents() -> Sequence[tuple[str, str]]:
    """Every agent that an operator has looked at, also one that is switched off now. Agents that came by
    themselves can be any number."""
    return [(agent.owner, shown(agent)) for agent in Agent.objects.filter(known=True).order_by("name")]


def handlers() -> Sequence[tuple[str, str]]:
    """Every handler, whatever the currency."""
    parts = ports()
    found = {
        handler.id: handler.display_name or handler.name
        for currency in parts.catalog.currencies()
        for handler in parts.payments.handlers(currency=currency)
    }
    return sorted(found.items())
