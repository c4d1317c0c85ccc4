"""A story the demo agent can play."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.demo.play import Play


@dataclass(frozen=True, slots=True)
class Scenario:
    """`story` returns when every promise was kept, and raises BrokenPromise at the first that was not."""

    name: str
    summary: str
    story: Callable[[Play], None]
