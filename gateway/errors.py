"""What the door refuses before the domain is asked. A protocol's `wire` words the answer.

GatewayError
├── Unauthorized            no key, or none we know
├── InvalidSignature        a signature that does not hold, or none where one is due
├── NotVerified             a signed identity that was not verified
├── AgentRefused            a signed identity that was verified, and is not let in
├── MethodRefused           the path has no such method
├── UnknownPath             nothing lives there
├── VersionProblem          API-Version missing or not served
├── KeyRequired             a write without Idempotency-Key
├── KeyConflict             the key was used with another body
├── KeyInFlight             the first request with the key is still running
├── SchemaViolation         the body is not what the schema allows
├── RawCardData             card data where only tokens may be
├── RateLimited             this agent asks too fast
└── Unavailable             a part we need is down; try again
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType


class GatewayError(Exception):
    status = 400
    code = "invalid_request"
    message = "The request cannot be processed."
    retry_after: int | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    """Further headers of the answer."""

    def __init__(self, message: str | None = None, *, param: str | None = None) -> None:
        super().__init__(message or self.message)
        self.message = message or self.message
        self.param = param


class Unauthorized(GatewayError):
    status = 401
    code = "unauthorized"
    message = "A valid key is needed: send it as 'Authorization: Bearer <key>'."


class InvalidSignature(GatewayError):
    """The message names the header to blame, never what it held."""

    status = 401
    code = "invalid_signature"
    message = "The Signature header fits this request under none of the agent's keys."


class NotVerified(GatewayError):
    """`code` and `headers` are those of AAuth (AA-407). The message repeats nothing that was sent."""

    status = 401

    def __init__(self, code: str, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.code = code
        self.headers = dict(headers)


class AgentRefused(GatewayError):
    status = 403
    code = "agent_refused"
    message = "This agent may not do that here."


class UnknownPath(GatewayError):
    status = 404
    code = "not_found"
    message = "There is nothing at this address."


class MethodRefused(GatewayError):
    status = 405
    code = "method_not_allowed"
    message = "This address does not take that method."

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = tuple(allowed)
        super().__init__(f"This address takes: {', '.join(self.allowed)}.")


class VersionProblem(GatewayError):
    def __init__(self, code: str, message: str, supported: Sequence[str]) -> None:
        super().__init__(message)
        self.code = code
        self.supported = tuple(supported)


class KeyRequired(GatewayError):
    code = "idempotency_key_required"
    message = "This request needs an Idempotency-Key header, so that it can be repeated safely."


class KeyConflict(GatewayError):
    status = 422
    code = "idempotency_conflict"
    message = "This Idempotency-Key was used with a different body. Use a new key for a new request."


class KeyInFlight(GatewayError):
    status = 409
    code = "idempotency_in_flight"
    message = "The first request with this Idempotency-Key is still being processed. Try again in a moment."
    retry_after = 1


class SchemaViolation(GatewayError):
    code = "invalid"
    message = "The body is not what this request takes."


class RawCardData(GatewayError):
    code = "raw_card_data_not_accepted"
    message = "Card data is not accepted here. Send a delegated payment token instead."


class RateLimited(GatewayError):
    """`retry_after`: whole seconds, after which the same request is admitted."""

    status = 429
    code = "rate_limited"
    message = "Too many requests. Wait for as long as Retry-After says, then send the same request again."

    def __init__(self, message: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = max(1, retry_after)


class Unavailable(GatewayError):
    status = 503
    code = "service_unavailable"
    message = "The service cannot answer right now. Try again in a moment."
    retry_after = 2
