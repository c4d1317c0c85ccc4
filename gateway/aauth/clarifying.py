"""What an agent posts to the pending URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from gateway.aauth.problems import Problem
from gateway.identities import Identity
from gateway.pending_models import PendingRequest


def respond(
    pending: PendingRequest, identity: Identity, body: Mapping[str, Any], request: HttpRequest
) -> None:
    """Nobody asks anything yet. Raises Problem (AA-109)."""
    raise Problem(409, "invalid_request", "No question is open.")
