"""Enrolling agents and giving, rotating and revoking their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Greatest, StrIndex, Substr
from django.utils import timezone

from checkout.untrusted import visible
from gateway import keys
from gateway.conf import DEMO_EMBEDDERS
from gateway.models import Agent, AgentKey
from interventions.prepared import Lookup

PURPOSE = "bearer-key"

KEY, SIGNED = "key:", "aauth:"
"""What the owners begin with that are agents (decision 8)."""

Blocking = Callable[[str], object]
"""What the owner has of ours counts no more. Inside the transaction that blocks the agent."""
_blocking: Blocking | None = None

DEMO_AGENTS = (("Demo agent", "demo-agent-key"), ("Other agent", "other-agent-key"))


def enrol(name: str, *, label: str = "") -> tuple[Agent, str]:
    """A new agent with its first key. The key is returned here and never again.

    Raises django.db.IntegrityError when the name is taken.
    """
    key = keys.new_bearer_key()
    with transaction.atomic():
        agent = Agent.objects.create(name=name)
        _store(agent, key, label)
    return agent, key


def rotate(agent: Agent, *, keep_hours: float = 0, label: str = "") -> str:
    """A new key; the older ones stop working now, or after `keep_hours`. Returned once."""
    key = keys.new_bearer_key()
    now = timezone.now()
    live = agent.keys.filter(revoked_at=None)
    with transaction.atomic():
        if keep_hours > 0:
            end = now + timedelta(hours=keep_hours)
            live.exclude(expires_at__lt=end).update(expires_at=end)
        else:
            live.update(revoked_at=now)
        _store(agent, key, label)
    return key


def revoke(agent: Agent) -> int:
    """None of the agent's keys works any more, from the next request on; how many did."""
    return agent.keys.filter(revoked_at=None).update(revoked_at=timezone.now())


def revoke_key(key: AgentKey) -> bool:
    """This one key works no more. False when it was revoked before."""
    return bool(AgentKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()))


def know(agent: Agent) -> bool:
    """An operator has looked at the agent; False when one had before."""
    return bool(Agent.objects.filter(pk=agent.pk, known=False).update(known=True))


def block(agent: Agent) -> bool:
    """The agent's keys and signatures are refused from the next request on, and no token of ours that it has
    counts any more; False when they were before."""
    with transaction.atomic():
        blocked = bool(Agent.objects.filter(pk=agent.pk, active=True).update(active=False))
        if blocked and _blocking is not None:
            _blocking(agent.owner)
    return blocked


def plug(blocking: Blocking | None) -> None:
    """`blocking` ends what a blocked agent has. Called at start-up, and by tests."""
    global _blocking
    _blocking = blocking


def allow(agent: Agent) -> bool:
    """The agent is let in again; False when it was."""
    return bool(Agent.objects.filter(pk=agent.pk, active=False).update(active=True))


def by_key(key: str) -> Agent | None:
    """The active agent whose live key this is; one indexed look-up by keyed hash."""
    now = timezone.now()
    for row in _live_keys(many=keys.digests(key.encode(errors="replace"), PURPOSE)):
        if row.expires_at is None or row.expires_at > now:
            return row.agent
    return None


def of_owner(owner: str) -> Agent | None:
    """The agent that the checkout knows by `owner`, active or not; None for anybody else's (decision 8)."""
    if owner.startswith(KEY):
        return Agent.objects.filter(pk=owner.removeprefix(KEY), issuer="").first()
    if owner.startswith(SIGNED):
        issuer, _, identity = owner.removeprefix(SIGNED).partition("|")
        return by_identity(issuer, identity)
    return None


def of_owners(owners: Iterable[str]) -> dict[str, Agent]:
    """The agents with an identity of their own that the checkout knows by these owners, active or not; one
    query, none for none."""
    named = [owner.removeprefix(SIGNED).partition("|") for owner in set(owners) if owner.startswith(SIGNED)]
    if not named:
        return {}
    rows = Agent.objects.filter(
        issuer__in={issuer for issuer, _, _ in named}, identity__in={identity for _, _, identity in named}
    )
    return {agent.owner: agent for agent in rows.exclude(issuer="").order_by()}


def blocked() -> Exists:
    """Database expression over rows with an `owner`: an operator has blocked that agent, which has an
    identity of its own."""
    owner, after = OuterRef("owner"), len(SIGNED) + 1
    bar = StrIndex(owner, Value("|"))
    issuer = Substr(owner, after, Greatest(bar - after, Value(0)))  # no "|": nothing, and no error
    named = Agent.objects.filter(issuer=issuer, identity=Substr(owner, bar + 1), active=False)
    return Exists(named.exclude(issuer=""))


def by_identity(issuer: str, identity: str) -> Agent | None:
    """The agent that `issuer` vouches for under that name, active or not; one indexed look-up."""
    return _identified.one(issuer=issuer, identity=identity) if issuer else None


def knows_from(issuer: str) -> bool | None:
    """Whether an operator knows an agent that `issuer` vouches for; None when none that may come here was
    ever here."""
    rows = Agent.objects.filter(issuer=issuer, active=True).exclude(issuer="").order_by("-known")
    return rows.values_list("known", flat=True).first()


def vouched_by(agent: Agent) -> str:
    """The host that vouches for its identity; "" for an agent with a key of ours, or with its own alone."""
    scheme, found, host = agent.issuer.partition("://")
    return host if found and scheme == "https" else ""


def shown(agent: Agent) -> str:
    """The agent as people are told of it: its name, and who vouches for one that came by itself."""
    if not agent.issuer:
        return agent.name
    name, host = visible(agent.name), agent.issuer.removeprefix("https://")
    return name if name.endswith((f"@{host}", f"({host})")) else f"{name} ({host})"


_identified = Lookup(
    Agent,
    lambda place: Agent.objects.filter(issuer=place("issuer"), identity=place("identity")).order_by(),
)

_live_keys = Lookup(
    AgentKey,
    lambda place: (
        AgentKey.objects.select_related("agent")
        .filter(digest__in=place.many(), revoked_at=None, agent__active=True)
        .order_by()
    ),
)


def load_demo() -> None:
    """The demo agents exist with the keys the README names. Changes nothing that exists."""
    for name, key in DEMO_AGENTS:
        embedders = {"embed_origins": "\n".join(DEMO_EMBEDDERS)}
        agent, _ = Agent.objects.get_or_create(name=name, defaults=embedders)
        AgentKey.objects.get_or_create(
            digest=keys.digest(key.encode(), PURPOSE), defaults={"agent": agent, "label": "demo"}
        )


def _store(agent: Agent, key: str, label: str) -> None:
    AgentKey.objects.create(agent=agent, digest=keys.digest(key.encode(), PURPOSE), label=label)
