"""How the endpoints that take a card word a refusal: flat as everywhere, with the codes of ACP-201."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checkout.payments.vault import CardRefused
from gateway import errors as door
from gateway.acp import refusals

ON_THE_CARD = "$.payment_method"


class Delegated:
    """Implements `gateway.api.Dialect`. `conflict`: the status of a key that was used with another body,
    which differs between the two (ACP-202, ACP-104)."""

    def __init__(self, conflict: int) -> None:
        self._conflict = conflict

    def refusal(self, problem: Exception) -> tuple[int, Mapping[str, Any], Mapping[str, str]]:
        status, body, headers = refusals.refusal(problem)
        match problem:
            case door.RateLimited():
                body |= {"type": "rate_limit_exceeded", "code": "too_many_requests"}
            case door.KeyConflict():
                status = self._conflict
            case CardRefused():
                status = 422
            case door.SchemaViolation() if (problem.param or "").startswith(ON_THE_CARD):
                body |= {"code": CardRefused.code}
        return status, body, headers


PAYMENT = Delegated(conflict=422)
AUTHENTICATION = Delegated(conflict=409)
