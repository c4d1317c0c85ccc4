"""Whoever asks people learns here what is made of their answers."""

from __future__ import annotations

from gateway import grants, outbox
from gateway.aauth.person_server import asking, issuing, judging, revoking, telling


def plug_in() -> None:
    """A grant leads to a token, and its end to the end of that. Called at start-up, and by tests."""
    grants.plug(revoking.of_grant)
    asking.plug(finish=issuing.body_of, replaced=judging.replaced)
    outbox.register(revoking.TELL, telling.tell)
