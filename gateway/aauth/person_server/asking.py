"""A request for a token that waits for its person."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.http import HttpResponse

from gateway.errors import Unavailable
from gateway.grants import Wanted
from gateway.identities import Identity
from gateway.person_models import Grant

Finish = Callable[[Grant], Mapping[str, Any]]
Replaced = Callable[[Grant, Mapping[str, Any]], Wanted]


def begin(identity: Identity, wanted: Wanted, *, capabilities: Collection[str]) -> HttpResponse:
    """The 202: the agent's person is asked."""
    raise Unavailable


def plug(*, finish: Finish | None, replaced: Replaced | None = None) -> None:
    """Who makes the answer, and who judges another request. Called at start-up, and by tests."""
