"""Plugging other parts into the checkout for the length of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from checkout import ports
from checkout.payments.breaker import Breaker


@contextmanager
def plugged(**parts: Any) -> Iterator[None]:
    """These parts serve their ports, the others stay."""
    before = ports.ports()
    ports.plug(replace(before, **parts))
    try:
        yield
    finally:
        ports.plug(before)


def never_left_alone() -> None:
    """However often the provider in use is silent, the next call reaches it."""
    guarded: Any = ports.ports().payments
    guarded.breaker = Breaker(failures=1_000_000, seconds=1.0)
