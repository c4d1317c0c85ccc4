"""What a parked call is about: a purchase, or what an agent wants to be granted.

Whoever parks calls, looks at them and ends them knows one `Subject` for each kind, chosen by what its id
begins with. Everything else, codes, pages, polls, questions, is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gateway.pending_models import PendingRequest
from gateway.pending_states import PendingState


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subject stands, as it was read at one moment."""

    done: bool
    """It was carried out: neither lateness nor a word against its agent counts any more."""
    row: Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a call ends, by what became of what was asked."""

    to: str
    detail: str = ""


class Subject(Protocol):
    """One kind of what calls are about."""

    texts: Mapping[str, str]
    """What an agent is told of a call that has ended so, by the state of the call; English."""

    def until(self, subject: str) -> datetime:
        """So long a call about it may wait at most. Reads only."""
        ...

    def settle(self, subject: str) -> None:
        """What somebody has done about it, or will not do, counts. Repeatable. No transaction may be open."""
        ...

    def stands(self, subject: str) -> Standing | None:
        """How it stands; None when it is gone. Reads only."""
        ...

    def verdict(self, pending: PendingRequest, standing: Standing) -> Verdict | None:
        """How the call ends when nothing is asked about it any more; None: it is carried out. Reads only."""
        ...

    def call_off(
        self, subject: str, *, claim: str, alone: Callable[[], bool], actor: str, expired: bool
    ) -> None:
        """The payment of that claim waits for nobody any more; and when no other call waits for the subject
        (`alone`), nobody acts for it. Raises CompletionRunning while money may be moving. Repeatable. Inside
        the transaction that ends the call."""
        ...

    def refuse(self, subject: str, *, actor: str) -> None:
        """It is not wanted, whatever was confirmed before. Raises CompletionRunning. Repeatable. Inside the
        transaction that ends every call about it."""
        ...

    def is_paid(self, subject: str, claim: str) -> bool:
        """Money was or may be moved under that claim: the call is what it was. Reads only."""
        ...

    def members(self, subject: str, kind: str) -> Mapping[str, Any]:
        """What a 202 says of it, besides what the protocol asks for. `kind` is that of the intervention
        behind what is asked, "" for none."""
        ...

    def gone(self, subject: str) -> str:
        """What an agent is told that comes after the end was told."""
        ...


def late(pending: PendingRequest) -> str:
    """How a call ends whose time is over: it depends on whether the person ever came, also when they are
    needed once more and have not come for that (AA-078)."""
    came = pending.state == PendingState.INTERACTING or pending.code_used_round >= 0
    return PendingState.ABANDONED if came else PendingState.EXPIRED


_known: dict[str, Subject] = {}


def register(prefix: str, subject: Subject) -> None:
    """Ids that begin so name a subject of that kind. Called at start-up."""
    _known[prefix] = subject


def of(subject: str) -> Subject:
    """Raises KeyError for a kind that nothing here knows."""
    return _known[prefix_of(subject)]


def prefix_of(subject: str) -> str:
    return subject.partition("_")[0]
