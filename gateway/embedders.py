"""Who may show a page of ours in a frame: the origins that an operator registered for an agent (T39)."""

from __future__ import annotations

from gateway import agents
from gateway.conf import conf
from interventions.weblinks import is_origin

MOST = 20
"""Each of them is a piece of a header."""


def read(text: str) -> tuple[str, ...]:
    """The origins on the lines of `text`, each once. Raises ValueError, which says what is wrong.

    https, or in the demo http on this machine; written exactly as browsers write an origin, so that
    what is compared, sent and shown is the same text everywhere.
    """
    lines = tuple(dict.fromkeys(line.strip(" ") for line in text.splitlines() if line.strip(" ")))
    if len(lines) > MOST:
        raise ValueError(f"At most {MOST} origins.")
    for number, line in enumerate(lines, start=1):
        if not is_origin(line, loopback_http=conf().DEMO):
            raise ValueError(f"Line {number} is no origin: write it as https://chat.example.")
    return lines


def origins_of(owner: str) -> tuple[str, ...]:
    """The origins registered for whom a session belongs to; none for an agent that was switched off.

    Read as strictly as when they were written: they go into a header.
    """
    agent = agents.of_owner(owner)
    try:
        return read(agent.embed_origins) if agent is not None and agent.active else ()
    except ValueError:
        return ()
