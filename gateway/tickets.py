"""The unguessable part of a link that is for one person and one intervention.

It is computed and not stored: whoever reads the database cannot make one, and every answer to
the agent can name the same link again.
"""

from __future__ import annotations

import re

from gateway import keys

PURPOSE = "link of an intervention"
PREFIX = "int_"
FORM = re.compile(r"([0-9a-f]{32})([0-9a-f]{64})")


def ticket(intervention_id: str) -> str:
    """The link's part for this intervention, under the active key."""
    return intervention_id.removeprefix(PREFIX) + keys.digest(intervention_id.encode(), PURPOSE)


def read(text: str) -> str | None:
    """The intervention a ticket was made for, or None for anything else (T41)."""
    found = FORM.fullmatch(text)
    if found is None:
        return None
    intervention_id = PREFIX + found[1]
    genuine = [keys.same(found[2], known) for known in keys.digests(intervention_id.encode(), PURPOSE)]
    return intervention_id if any(genuine) else None
