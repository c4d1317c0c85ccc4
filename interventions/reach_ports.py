"""How a person is reached, as parts that can be exchanged. `tests/contracts` holds their test classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from interventions.reach_models import ReachChannel


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person is told. `id` makes a repeat recognisable. Nothing in it decides anything: `url` is a
    page of ours, where they have to sign in."""

    id: str
    subject: str
    person: str
    title: str
    """Our own words, such as who asks; no text of the agent's."""
    url: str = field(repr=False)
    language: str = ""
    expires_at: datetime | None = None


class NotReached(Exception):
    """The channel broke at this moment, and may work later."""


class ChannelGone(Exception):
    """The channel will never work again, such as a subscription that was given up."""


@runtime_checkable
class PersonChannel(Protocol):
    """One kind of ways to reach a person. Called with no transaction open; each call ends within five
    seconds. Writes nothing: `interventions.reaching` keeps what came of it."""

    kind: str
    """As in `ReachChannel.kind`."""
    slow: bool
    """It takes minutes until somebody reads it: not for whoever waits for less (AA-210)."""

    def is_ready(self, channel: ReachChannel, now: datetime) -> bool:
        """It is known to work now, from facts that were checked; no network. False is no failure."""
        ...

    def reach(self, channel: ReachChannel, notice: Notice) -> None:
        """The notice is accepted by whoever carries it. At least once: a channel that can recognise a repeat
        by `notice.id` shows it once. Raises NotReached, ChannelGone."""
        ...


def still_waits(subject: str) -> bool:
    """Whatever a person is told of waits for them until its time is over."""
    return True


@dataclass(frozen=True, slots=True)
class Ways:
    """How people are reached here."""

    parts: Mapping[str, PersonChannel]
    """By kind; the most direct first."""
    present_seconds: int = 30
    """Somebody is at a page of ours that asked for news within so many seconds."""
    waits: Callable[[str], bool] = still_waits
    """The subject still waits for its person: what is slow asks once more before it tells them. Reads
    only."""


_ways: Ways | None = None


def plug(ways: Ways) -> None:
    """People are reached by `ways` from now on. Called at start-up, and by tests."""
    global _ways
    _ways = ways


def ways() -> Ways:
    """Raises RuntimeError before anything was plugged in."""
    if _ways is None:
        raise RuntimeError("Nobody is reached in any way yet; is 'gateway' in INSTALLED_APPS?")
    return _ways
