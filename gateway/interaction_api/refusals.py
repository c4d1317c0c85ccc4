"""How the Interaction API words a refusal: `{"ok": false, "error": text}` (AJ-041), never the offending
value. The seed's own statuses where one fits: of others, clients show the number alone (AJ-048)."""

from __future__ import annotations

import re
from typing import Any

from django.http import Http404
from rest_framework.exceptions import APIException

from checkout import errors as domain
from gateway import authentication
from gateway import errors as door
from gateway.intake import IntakeError, WrongContentType
from gateway.strict_json import BadJSON

RETRY_SOON = "1"
GENERIC = "Something went wrong on our side. Try again in a moment."
NOBODY = "A live session is needed: create one, and send its token as X-Agent-Session."
CHALLENGE = 'Bearer realm="agent session"'

PASSING = (domain.StateConflict, domain.CompletionRunning)
"""Gone in a moment; every other conflict stays, and waiting changes nothing about it."""

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\[\]]{0,63}", re.ASCII)


class Refused(door.GatewayError):
    """A capability does not do what was asked. The text is for the agent, and quotes nothing of it; it may
    be a lazy translation. Raises ValueError for a status that is none of a refusal."""

    code = "refused"

    def __init__(self, text: object, status: int = 400) -> None:
        if type(status) is not int or not 400 <= status < 600:
            raise ValueError("A refusal has a status from 400 to 599.")
        super().__init__(str(text).encode(errors="replace").decode())
        self.status = status


class NoSession(door.GatewayError):
    """The same for a token that is missing, unknown, ended or expired."""

    status = 401
    code = "unauthorized"
    message = NOBODY


def refusal(problem: Exception) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers for any exception that may leave a view."""
    match problem:
        case domain.CheckoutError():
            status = _checkout_status(problem)
            headers = {"Retry-After": RETRY_SOON} if status in (409, 503) else {}
            return status, failure(_named(problem.message, problem.param)), headers
        case door.KeyConflict():
            return 400, failure(problem.message), {}
        case door.GatewayError():
            return problem.status, failure(_named(problem.message, problem.param)), _door_headers(problem)
        case WrongContentType():
            return 400, failure(problem.message), {}
        case IntakeError():
            return problem.status, failure(problem.message), {}
        case BadJSON():
            return 400, failure(_named(problem.message, problem.param)), {}
        case Http404():
            return 404, failure("There is no such thing."), {}
        case APIException():
            return problem.status_code, failure("The request was refused."), {}
        case _:
            return 500, failure(GENERIC), {}


def failure(text: str) -> dict[str, Any]:
    return {"ok": False, "error": text}


def _checkout_status(problem: domain.CheckoutError) -> int:
    if isinstance(problem, domain.NotFound | domain.UnknownItem):
        return 404
    if isinstance(problem, domain.ProviderUnavailable):
        return 503
    return 409 if type(problem) in PASSING else 400


def _door_headers(problem: door.GatewayError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if isinstance(problem, door.MethodRefused):
        headers["Allow"] = ", ".join(problem.allowed)
    return headers | (authentication.challenges(problem, CHALLENGE) if problem.status == 401 else {})


def _named(message: str, param: str | None) -> str:
    """The message says which parameter it is about (AJ-045)."""
    plain = (param or "").removeprefix("$.")
    return f"{plain}: {message}" if _PLAIN_NAME.fullmatch(plain) else message
