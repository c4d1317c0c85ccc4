"""How ACP words a refusal: one flat Error (ACP-017 to ACP-021), never the offending value."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import APIException

from checkout import errors as domain
from gateway import authentication
from gateway import errors as door
from gateway.intake import IntakeError
from gateway.strict_json import BadJSON

CHECKOUT_STATUS: tuple[tuple[type[domain.CheckoutError], int], ...] = (
    (domain.NotFound, 404),
    (domain.SessionClosed, 405),
    (domain.StateConflict, 409),
    (domain.ProviderUnavailable, 503),
    (domain.NothingInStock, 422),
    (domain.NoCommonCurrency, 422),
    (domain.CheckoutError, 400),
)

RETRY_SOON = "1"


def refusal(problem: Exception) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers for any exception that may leave a view."""
    match problem:
        case domain.CheckoutError():
            status = next(code for kind, code in CHECKOUT_STATUS if isinstance(problem, kind))
            headers = {} if isinstance(problem, domain.AddressChanged) else headers_of(status)
            return status, _body(status, problem.code, problem.message, problem.param), headers
        case door.VersionProblem():
            body = _body(400, problem.code, problem.message, None)
            return 400, body | {"supported_versions": list(problem.supported)}, {}
        case door.GatewayError():
            body = _body(problem.status, problem.code, problem.message, problem.param)
            return problem.status, body, _door_headers(problem)
        case BadJSON():
            return 400, _body(400, problem.code, str(problem), problem.param), {}
        case IntakeError():
            return problem.status, _body(problem.status, problem.code, problem.message, None), {}
        case APIException():
            return (
                problem.status_code,
                _body(problem.status_code, "invalid_request", "The request was refused.", None),
                {},
            )
        case _:
            text = "Something went wrong on our side. Nothing is lost: repeat the request with the same key."
            return 500, _body(500, "internal_error", text, None), {}


def headers_of(status: int) -> dict[str, str]:
    """The headers that belong to a status; a replay gets them again (HTTP asks for Allow on 405)."""
    if status == 405:
        return {"Allow": "GET"}
    if status in (409, 503):
        return {"Retry-After": RETRY_SOON}
    return {}


def _door_headers(problem: door.GatewayError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if isinstance(problem, door.MethodRefused):
        headers["Allow"] = ", ".join(problem.allowed)
    return headers | (authentication.challenges(problem) if problem.status == 401 else {})


def _body(status: int, code: str, message: str, param: str | None) -> dict[str, Any]:
    kind = "invalid_request"
    if status == 503:
        kind = "service_unavailable"
    elif status >= 500:
        kind = "processing_error"
    body: dict[str, Any] = {"type": kind, "code": code, "message": message}
    return body | {"param": param} if param else body
