"""Answering later: the seam between a protocol whose call waits for a person and whoever parks such calls.

A protocol registers how a call of it is run again, by the name of its operation, and asks `park` whether
the answer that it is about to keep shall wait instead. Nobody who is not plugged in is asked: without a
`Parking`, every call is answered at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.http import HttpRequest, HttpResponse

from gateway.errors import Unavailable
from gateway.once import Answer


@dataclass(frozen=True, slots=True)
class Call:
    """A call, as it can be run again without its request."""

    operation: str
    owner: str
    method: str
    path: str
    subject: str
    """What it is about (`gateway.subjects`)."""
    version: str
    body: Mapping[str, Any] = field(repr=False)
    """As it was judged; kept sealed, because it may hold what one can pay with."""
    total: int | None = None
    """What the session came to when the agent asked: it agreed to pay that, and no more."""
    claim: str = ""
    """Of the payment attempt that was made at once, if one was; "" for what pays nothing."""
    brings: bool = True
    """Its agent can bring its person; else it waits for nothing but the answer to a question."""


@dataclass(frozen=True, slots=True)
class StillWaits:
    """Run again, the call waits for a person once more; nothing was charged."""


class Lost(Exception):
    """Somebody else runs the held call now, or has ended it; what this run did is rolled back."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One run of a held call."""

    claim: str
    """The same for every run of one held call; it is the payment attempt's."""
    seal: Callable[[Answer], None]
    """Ends the call with this answer. Runs last inside the transaction that made the answer. Raises Lost."""
    still: Callable[[], None]
    """The run may go on, for another lease; inside the transaction that is about to change something.
    Raises Lost."""


Runner = Callable[[Call, Turn], "Answer | StillWaits"]
"""Runs the held call. The answer, which was sealed, is what the call would have been answered at once.
Raises Lost, and what the domain raises when the outcome is not known; it may then be run again. No
transaction may be open."""


Exchanger = Callable[[Call, Mapping[str, Any]], Call]
"""`(call, body)`: the held call with another body, judged as its protocol judges one (AA-107). Raises what a
body is refused with at its protocol's door. Changes nothing."""


Replacer = Callable[[str, Mapping[str, Any]], Callable[[], None]]
"""`(subject, body)`: another request, judged, for what the call is about; what it returns puts it in place,
inside a transaction. Raises what a request is refused with at its protocol's door."""


Finisher = Callable[[str], Mapping[str, Any]]
"""Makes the answer of a call about that subject that has ended well, each time that it is told; nothing of it
is kept."""


class Parking(Protocol):
    """Who parks calls."""

    def defers(self, request: HttpRequest) -> bool:
        """Whoever asks can bring its person, and may be answered later."""
        ...

    def takes_questions(self, request: HttpRequest) -> bool:
        """Whoever asks answers questions, and may be answered later once it has."""
        ...

    def park(self, request: HttpRequest, call: Call) -> bytes | None:
        """The call waits, and this stands for it in the idempotency row; None: it is to be answered now.

        Inside the transaction that keeps the answer. Repeatable: a call that waits already is the same.
        """
        ...

    def answer(self, request: HttpRequest, kept: bytes) -> HttpResponse:
        """The 202, or once it has ended the call's own answer, for which `kept` stands."""
        ...


_parking: Parking | None = None
_runners: dict[str, Runner] = {}
_exchangers: dict[str, Exchanger] = {}
_replacers: dict[str, Replacer] = {}
_finishers: dict[str, Finisher] = {}


def plug(parking: Parking | None) -> None:
    """`parking` parks every call from now on; None: nobody does. Called at start-up, and by tests."""
    global _parking
    _parking = parking


def parking() -> Parking | None:
    return _parking


def register(
    operation: str,
    runner: Runner,
    exchanger: Exchanger | None = None,
    *,
    replacer: Replacer | None = None,
    finisher: Finisher | None = None,
) -> None:
    """How a held call of that name is run; where its body, or what it is about, can be another one, how that
    is judged; and where nothing of its answer is kept, who makes it. Called at start-up by the protocol whose
    operation it is."""
    _runners[operation] = runner
    if exchanger is not None:
        _exchangers[operation] = exchanger
    if replacer is not None:
        _replacers[operation] = replacer
    if finisher is not None:
        _finishers[operation] = finisher


def runner(operation: str) -> Runner:
    """Raises KeyError for an operation that this version does not know."""
    return _runners[operation]


def exchanger(operation: str) -> Exchanger | None:
    """None for an operation whose held calls are as they are."""
    return _exchangers.get(operation)


def replacer(operation: str) -> Replacer | None:
    """None for an operation whose calls are about what they are."""
    return _replacers.get(operation)


def finisher(operation: str) -> Finisher | None:
    """None for an operation whose answer is kept."""
    return _finishers.get(operation)


def park(request: HttpRequest, call: Call) -> bytes | None:
    """As `Parking.park`."""
    return _parking.park(request, call) if _parking else None


def defers(request: HttpRequest) -> bool:
    """Whoever asks can bring its person, and may be answered later (AA-011). Reads nothing but the
    request."""
    return _parking is not None and _parking.defers(request)


def takes_questions(request: HttpRequest) -> bool:
    """Whoever asks answers questions (AA-101). Reads nothing but the request."""
    return _parking is not None and _parking.takes_questions(request)


def answer(request: HttpRequest, kept: bytes) -> HttpResponse:
    """As `Parking.answer`. Raises Unavailable when nobody parks any more: the call was not lost."""
    if _parking is None:
        raise Unavailable
    return _parking.answer(request, kept)
