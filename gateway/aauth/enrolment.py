"""The agent behind a verified identity: enrolled when it comes first, and what is noted of it afterwards."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

from django.db.models import F
from django.utils import timezone

from checkout.untrusted import visible
from gateway import agents, windows
from gateway.errors import RateLimited
from gateway.identities import Identity
from gateway.models import Agent
from gateway.plain_text import one_line
from interventions.prepared import insert

LONGEST_NAME = 90
SHOWN = 70
ENROLLED_A_MINUTE = 60
"""New agents of one issuer, which can make up as many as it likes."""
NOTED = timedelta(minutes=1)
"""What is noted of an agent is as old as that at most."""


def agent_of(issuer: str, subject: str) -> Agent:
    """The one agent that `issuer` vouches for as `subject`, enrolled now if it is new; active or not.

    Repeatable, also twice at once. Raises RateLimited when the issuer has sent too many new ones. One
    indexed look-up for an agent that is there.
    """
    found = agents.by_identity(issuer, subject)
    if found is not None:
        return found
    standing = windows.take([(f"aauth:enrolled:{issuer}", ENROLLED_A_MINUTE)])
    if standing.wait_seconds > 0:
        raise RateLimited(retry_after=round(standing.wait_seconds))
    for name in _names(issuer, subject):
        insert([Agent(name=name, issuer=issuer, identity=subject, known=False)], unless_there=True)
        # Somebody else may have enrolled it, or given the name to another agent.
        found = agents.by_identity(issuer, subject)
        if found is not None:
            return found
    raise RuntimeError("An agent found no name.")  # one of the names is made for it alone


def note(identity: Identity) -> None:
    """When the agent was last seen is known to the minute, with what key and for whom it came.

    One statement, and none for most requests; one for each in an older wording, which are counted.
    """
    agent, now = identity.agent, timezone.now()
    stale = agent.seen_at is None or agent.seen_at < now - NOTED
    moved = identity.person_server != agent.person_server
    if not (stale or moved or identity.legacy):
        return
    columns = {
        "seen_at": now,
        "last_key": identity.thumbprint,
        "person_server": identity.person_server,
        **({"legacy_requests": F("legacy_requests") + 1} if identity.legacy else {}),
    }
    Agent.objects.filter(pk=agent.pk).update(**columns)


def _names(issuer: str, subject: str) -> tuple[str, str]:
    """What the agent could be called: a readable name, and the same made unique."""
    host = issuer.removeprefix("https://")
    local, _, domain = subject.removeprefix("aauth:").rpartition("@")
    if issuer == subject:
        plain = host
    elif local and domain == host:
        plain = f"{local}@{host}"
    else:
        plain = f"{subject.removeprefix('aauth:')} ({host})"
    readable = one_line(visible(plain), LONGEST_NAME)
    mark = sha256(f"{issuer}|{subject}".encode()).hexdigest()[:16]
    return readable, f"{readable[:SHOWN]} {mark}"
