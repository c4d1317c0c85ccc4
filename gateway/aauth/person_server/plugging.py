"""Whoever asks people learns here what is made of their answers."""

from __future__ import annotations

from gateway import agents, grants, outbox
from gateway.aauth.person_server import asking, issuing, judging, revoking, telling


def plug_in() -> None:
    """A grant leads to a token, which ends with it and with its agent. Called at start-up, and by tests."""
    grants.plug(revoking.of_grant)
    agents.plug(revoking.of_agent)
    asking.plug(finish=issuing.body_of, replaced=judging.replaced)
    outbox.register(revoking.TELL, telling.tell)
