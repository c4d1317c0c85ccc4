"""Agents as their person is told of them: a name, and who vouches for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from checkout.untrusted import visible
from gateway import agents
from gateway.models import Agent


@dataclass(frozen=True, slots=True)
class Who:
    """An agent. Everything about it is safe to show, once escaped."""

    owner: str
    name: str
    vouched_by: str
    """A host."""
    identity: str
    """Its name with whoever vouches for it."""
    seen_at: datetime | None = None

    @property
    def told(self) -> str:
        """In one line, as inside a sentence."""
        return self.name if self.name.endswith(self.vouched_by) else f"{self.name} ({self.vouched_by})"


def who(owner: str, known: Mapping[str, Agent]) -> Who:
    """The agent that the owner's text stands for; one that never came to the shop itself is known by what
    vouches for it alone."""
    issuer, _, identity = owner.removeprefix(agents.SIGNED).partition("|")
    agent = known.get(owner)
    return Who(
        owner=owner,
        name=visible(agent.name if agent else identity),
        vouched_by=visible(issuer.removeprefix("https://")),
        identity=visible(identity),
        seen_at=agent.seen_at if agent else None,
    )


def all_of(owners: Iterable[str]) -> dict[str, Who]:
    """By owner. One query, none for none."""
    wanted = set(owners)
    known = agents.of_owners(wanted)
    return {owner: who(owner, known) for owner in wanted}
