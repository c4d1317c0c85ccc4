"""What agents ask to be granted by the people they act for (AA-212, AA-213)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.person_models import Grant

Revoking = Callable[[Grant], object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an agent asks for, once its request was judged."""

    owner: str
    kind: str
    """`Grant.PERSON_TOKEN` or `Grant.AUTH_TOKEN`."""
    audience: str
    scope: str = ""
    account: str = ""
    justification: str = ""
    """The agent's own words."""
    key: Mapping[str, Any] = field(default_factory=dict)
    presented: Mapping[str, Any] = field(default_factory=dict)
    older: bool = False
    request_id: str = ""
    """The `jti` of the resource token by which it is asked: the same once more is the same request."""


_revoking: Revoking | None = None


def plug(revoking: Revoking | None) -> None:
    """`revoking` ends the tokens of a grant that is taken back. Called at start-up, and by tests."""
    global _revoking
    _revoking = revoking
