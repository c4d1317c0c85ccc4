"""How AAuth words a refusal: problem+json with `error` and `detail` (AA-029, AA-030).

Never the Error of a checkout, and never what was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from rest_framework.exceptions import APIException

from checkout.errors import CheckoutError
from gateway import authentication
from gateway import errors as door
from gateway.conf import conf
from gateway.intake import IntakeError
from gateway.strict_json import BadJSON

DRAFT, SEED = "draft-11", "seed"
UNREACHABLE, OLDER_UNREACHABLE = "user_unreachable", "interaction_required"
TYPE = "application/problem+json"

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    424: "Failed Dependency",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Problem(door.GatewayError):
    """An answer of this protocol that is no success. `headers` go with it, and further `members`."""

    members: Mapping[str, Any] = MappingProxyType({})

    def __init__(
        self, status: int, error: str, detail: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, error, detail, headers or {}


class Unreachable(Problem):
    """Nobody can bring the person, neither we nor the agent (AA-208). The texts of the seeds have another
    name for it (decision 29)."""

    def __init__(self, detail: str) -> None:
        wording = conf().AAUTH_WORDING
        super().__init__(403, OLDER_UNREACHABLE if wording == SEED else UNREACHABLE, detail)
        if wording not in (SEED, DRAFT):
            self.members = {"legacy_error": OLDER_UNREACHABLE}


class Unknown(Problem):
    """There is no such call, or it is another agent's: nobody can tell which (AA-021, T03)."""

    def __init__(self) -> None:
        super().__init__(404, "not_found", "There is nothing at this address.")


def refusal(problem: Exception) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers for any exception that may leave a view."""
    match problem:
        case Problem():
            return (
                problem.status,
                body_of(problem.status, problem.code, problem.detail) | dict(problem.members),
                dict(problem.headers),
            )
        case door.MethodRefused():
            allow = {"Allow": ", ".join(problem.allowed)}
            return 405, body_of(405, "invalid_request", problem.message), allow
        case door.UnknownPath():
            return refusal(Unknown())
        case door.GatewayError():
            headers = dict(problem.headers)
            if problem.retry_after is not None:
                headers["Retry-After"] = str(problem.retry_after)
            if isinstance(problem, door.NotVerified):
                return 401, signature_body(problem), headers | authentication.challenges(problem)
            error = "slow_down" if problem.status == 429 else problem.code
            return problem.status, body_of(problem.status, error, problem.message), headers
        case BadJSON() | IntakeError():
            status = getattr(problem, "status", 400)
            return status, body_of(status, "invalid_request", str(problem)), {}
        case CheckoutError():
            return 409, body_of(409, problem.code, problem.message), {"Retry-After": "2"}
        case APIException():
            status = problem.status_code
            return status, body_of(status, "invalid_request", "The request was refused."), {}
        case _:
            text = "Something went wrong on our side. Nothing is lost: ask again."
            return 503, body_of(503, "server_error", text), {"Retry-After": "5"}


def signature_body(problem: door.NotVerified) -> dict[str, Any]:
    """The type says the same as the header, which decides (AA-407)."""
    urn = f"urn:ietf:params:sig-error:{problem.code}"
    return {"type": urn, **body_of(problem.status, problem.code, problem.message)}


def body_of(status: int, error: str, detail: str = "") -> dict[str, Any]:
    body: dict[str, Any] = {"status": status, "error": error}
    if status in _TITLES:
        body["title"] = _TITLES[status]
    if detail:
        body["detail"] = detail
        if conf().AAUTH_WORDING != DRAFT:
            body["error_description"] = detail  # as older texts name it; added, never instead
    return body
