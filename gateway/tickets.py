"""The unguessable part of a link that is for one person and one intervention.

It is computed and not stored, not with a kept answer either (`leave_out`): whoever reads the
database cannot make one, and every answer to the agent can name the same link again.
"""

from __future__ import annotations

import re

from gateway import keys

PURPOSE = "link of an intervention"
PREFIX = "int_"
FORM = re.compile(r"([0-9a-f]{32})([0-9a-f]{64})")

_WHOLE = re.compile(rf"(?<![0-9a-f])(?:{FORM.pattern})(?![0-9a-f])")
_MEMBERS = ('"redirect_url"', '"continue_url"', '"handoff_url"')
"""Where answers hold links of these."""
_LEFT_OUT = re.compile("\x1f([0-9a-f]{32})\x1f")
"""Between control characters, which no JSON text holds: nobody can write one into a session."""


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


def leave_out(answer: str) -> str:
    """An answer in JSON without the tickets in it, to be kept (T71). `put_back` is the way back."""
    if not any(member in answer for member in _MEMBERS):
        return answer
    return _WHOLE.sub(lambda found: f"\x1f{found[1]}\x1f" if read(found[0]) else found[0], answer)


def put_back(kept: str) -> str:
    """The answer as it was sent; after a change of the `HASH_KEYS` with links under the new one."""
    if "\x1f" not in kept:
        return kept
    return _LEFT_OUT.sub(lambda found: ticket(PREFIX + found[1]), kept)
