"""Runs a write at most once for its idempotency key, and answers every repeat the same.

`render` dresses a result, `refuse` dresses a refusal; both give an Answer, which is kept with
the key in the transaction that did the work.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from django.db import Error, transaction

from checkout.errors import (
    CheckoutError,
    NotFound,
    NothingBegun,
    ProviderUnavailable,
    SessionClosed,
    StateConflict,
)
from gateway import idempotency
from gateway.errors import KeyInFlight
from gateway.idempotency import Beaten, Claim, Replay, Slot

log = logging.getLogger("agentic.idempotency")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    replayed: bool = False


Result = TypeVar("Result")

Refuse = Callable[[CheckoutError], Answer]


def locally(
    where: Slot,
    work: Callable[[Callable[[Result], None]], object],
    *,
    render: Callable[[Result], Answer],
    refuse: Refuse,
) -> Answer:
    """The answer of `work`, one transaction of its own, done at most once for `where`.

    Raises KeyConflict, and every CheckoutError that may pass by itself (`_passes`).
    """
    if earlier := idempotency.find(where):
        return _again(earlier)
    answers: list[Answer] = []

    def seal(result: Result) -> None:
        answers.append(render(result))
        idempotency.keep(where, answers[-1].status, answers[-1].body)

    try:
        work(seal)
    except Beaten:
        return _winner(where)
    except CheckoutError as problem:
        if _passes(problem):
            raise
        answers.append(refuse(problem))
        try:
            with transaction.atomic(durable=True):
                idempotency.keep(where, answers[-1].status, answers[-1].body)
        except Beaten:
            return _winner(where)
    return answers[-1]


def claimed(
    where: Slot,
    work: Callable[[Claim, Callable[[Result], None]], object],
    *,
    render: Callable[[Result], Answer],
    refuse: Refuse,
) -> Answer:
    """The answer of `work`, which calls foreign systems between its transactions.

    The key is claimed before anything starts. Raises KeyConflict, KeyInFlight, and whatever
    leaves the outcome open: the claim is then released, and the next request goes on.
    """
    held = idempotency.claim(where)
    if isinstance(held, Replay):
        return _again(held)
    answers: list[Answer] = []

    def seal(result: Result) -> None:
        answers.append(render(result))
        idempotency.finish(held, answers[-1].status, answers[-1].body)

    try:
        work(held, seal)
    except Beaten:
        log.warning("a request on %s lost its claim to a later one", where.path)
        raise KeyInFlight from None
    except CheckoutError as problem:
        if _passes(problem):
            undone = isinstance(problem, NotFound | NothingBegun)
            (idempotency.forget if undone else idempotency.release)(held)
            raise
        answers.append(refuse(problem))
        try:
            idempotency.finish(held, answers[-1].status, answers[-1].body)
        except Beaten:
            raise KeyInFlight from None
    except BaseException:
        with suppress(Error):
            idempotency.release(held)
        raise
    return answers[-1]


def _passes(problem: CheckoutError) -> bool:
    """Not kept: it may be gone in a moment, or it changed nothing and says the same again."""
    if isinstance(problem, SessionClosed):
        return False
    return isinstance(problem, StateConflict | ProviderUnavailable | NotFound)


def _again(earlier: Replay) -> Answer:
    return Answer(earlier.status, earlier.body, replayed=True)


def _winner(where: Slot) -> Answer:
    earlier = idempotency.find(where)
    if earlier is None:
        raise KeyInFlight
    return _again(earlier)
