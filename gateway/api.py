"""The base of every agent-facing view: strict JSON in, lean JSON out, one dialect of errors.

Nothing of the merchant's REST_FRAMEWORK, MIDDLEWARE or ATOMIC_REQUESTS has a say here: all
policy is an attribute of these classes (decisions 6 and 11). No DRF parser or serializer runs;
the body is read, capped and judged by `intake`, `strict_json` and the schemas.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from django.core.exceptions import TooManyFieldsSent
from django.db import InterfaceError, OperationalError, transaction
from django.http import HttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from gateway import carddata, intake, strict_json
from gateway.conf import conf
from gateway.delivery import origin, route_of
from gateway.errors import MethodRefused, RawCardData, SchemaViolation, Unavailable, UnknownPath
from schemas import facade

log = logging.getLogger("agentic.api")

JSON = "application/json"


class Dialect(Protocol):
    """How one protocol words a refusal."""

    def refusal(self, problem: Exception) -> tuple[int, Mapping[str, Any], Mapping[str, str]]:
        """Status, body and extra headers for any exception; never its data, never a traceback."""
        ...


class JSONOnly(BaseRenderer):
    """Whatever `Accept` says, agents get JSON."""

    media_type = JSON
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        return strict_json.dumps(data)


class AlwaysJSON(BaseContentNegotiation):
    def select_parser(self, request: Any, parsers: Any) -> Any:
        return None

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class ProtocolView(APIView):
    """What every protocol's views share. Subclasses name their dialect and their credentials."""

    dialect: Dialect
    request_schema: ClassVar[str] = ""
    schema_version: ClassVar[str] = "2026-04-17"
    schema_extension: ClassVar[str] = "intervention_types"
    body_optional: ClassVar[bool] = False
    for_agents: ClassVar[bool] = True
    """What others call in a form of their own is not in the document for agents."""

    authentication_classes: Any = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = ()
    renderer_classes = (JSONOnly,)
    content_negotiation_class = AlwaysJSON
    metadata_class = None
    versioning_class = None
    http_method_names: Any = ("get", "head", "post", "put", "patch", "delete")

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """A view that no transaction is opened around, whatever the merchant's settings say."""
        return transaction.non_atomic_requests(super().as_view(**initkwargs))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        intake.check_target(request._request)
        self.perform_authentication(request)

    def perform_authentication(self, request: Request) -> None:
        """`request` knows who asks; Django's request keeps the user that the merchant's middleware found.

        An agent is none of his users: what audits, or stamps rows with `request.user`, would break.
        """
        django_request = request._request
        before = vars(django_request).copy()
        super().perform_authentication(request)
        if "user" in before:
            django_request.user = before["user"]
        else:
            vars(django_request).pop("user", None)

    def handle_exception(self, exc: Exception) -> Any:
        # Django logs an answer of 5xx with its request, and an error reporter sends the body along.
        intake.forget_body(self.request._request)
        if isinstance(exc, OperationalError | InterfaceError):
            log.error("database: %s", type(exc).__name__)
            exc = Unavailable()
        elif isinstance(exc, TooManyFieldsSent):  # more parameters in the query string than Django reads
            exc = intake.BadTarget()
        status, body, headers = self.dialect.refusal(exc)
        if status == 503:
            log.warning("%s answers 503: %s", type(self).__name__, type(exc).__name__)
        elif status >= 500:
            # The text of an exception may quote a token, an address or a whole row.
            log.error("%s failed: %s, via %s", type(self).__name__, origin(exc), route_of(exc))
        return json_response(status, strict_json.dumps(body), headers)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        asked = intake.request_id(getattr(request, "_request", request))
        if asked is not None:
            response.headers["Request-Id"] = asked
        return response

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        raise MethodRefused([name for name in self.allowed_methods if name != "OPTIONS"])

    def read(self, request: Request) -> dict[str, Any]:
        """The body as strict JSON without card data, not yet judged by a schema.

        Raises IntakeError, BadJSON and RawCardData.
        """
        body: dict[str, Any] = intake.read_json(
            request._request, cap=conf().BODY_BYTES, optional=self.body_optional
        )
        if where := carddata.find(body):
            raise RawCardData(param=where)
        return body

    def judge(self, body: Mapping[str, Any], *, extended: bool = False) -> None:
        """The body is what the schema allows, or SchemaViolation names the first thing that is not."""
        if violations := self._validator(self.request_schema, extended).violations(body):
            first = violations[0]
            raise SchemaViolation(first.message, param=first.path)

    def _validator(self, schema: str, extended: bool) -> facade.Validator:
        version = self.schema_version + (f"+{self.schema_extension}" if extended else "")
        return facade.validator(schema, version)

    def answer(self, schema: str, body: Mapping[str, Any], *, extended: bool = False) -> bytes:
        """The body as bytes, held against its own schema (decision 10)."""
        raw = strict_json.dumps(body)
        if violations := self._validator(schema, extended).violations(body):
            places = ", ".join(f"{v.path} ({v.keyword})" for v in violations[:5])
            if conf().STRICT_RESPONSES:
                raise AssertionError(f"{schema} answer violates its schema at {places}")
            log.error("answer violates schema %s at %s", schema, places)
        return raw


class NothingHere(ProtocolView):
    """The last route of every protocol: unknown paths answer in its dialect (decision 11)."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise UnknownPath

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        raise UnknownPath


def json_response(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(body, status=status, content_type=JSON, headers=dict(headers or {}))
