"""An agent that acts for its person no more (AA-213)."""

from __future__ import annotations

from django.db import transaction

from gateway import grants, summonses


def revoke(owner: str, person: str) -> bool:
    """The agent acts for the person no more: what they granted to it is taken back, what it asks for is refused,
    and what it wanted them for waits no more. False when it did not act for them. Repeatable; a transaction may
    be open."""
    with transaction.atomic():
        revoked = grants.revoke_agent(owner, person)
        summonses.drop(owner, person)
    return revoked
