"""How a view's method is described: `@described(...)` above it, and the parts to fill in.

The body is not described by hand: it is the schema that the view itself judges by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

COMPONENT = "#/components/schemas/"
JSON = "application/json"

Method = TypeVar("Method", bound=Callable[..., Any])
Examples = Mapping[str, Any]

_ours: ContextVar[bool] = ContextVar("agentic_openapi", default=False)


@contextmanager
def our_document() -> Iterator[None]:
    """Inside, our operations show themselves; in every other document they are left out."""
    before = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(before)


def in_our_document() -> bool:
    return _ours.get()


class Operation(AutoSchema):
    """What drf-spectacular finds out about a view of ours."""

    def is_excluded(self) -> bool:
        return not in_our_document()

    def get_operation_id(self) -> str:
        """For a view with more than one address, such as a health check: its method and path."""
        words = self.path.strip("/").replace("/", " ").split()
        return str(self.method).lower() + "".join(word.capitalize() for word in words)

    def get_request_serializer(self) -> Any:
        schema = getattr(self.view, "request_schema", "")
        return {JSON: ref(schema)} if schema else {}

    def _get_request_body(self, direction: Any = "request") -> Any:
        # drf-spectacular leaves `required` out for raw schemas; the view knows better.
        body = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        if body is not None:
            body["required"] = not getattr(self.view, "body_optional", False)
        return body


def ref(schema: str) -> dict[str, str]:
    """A reference to one of our schemas; the document gets the schema itself once."""
    return {"$ref": COMPONENT + schema}


def examples(values: Examples, *, request: bool = False) -> list[OpenApiExample]:
    """Examples by name."""
    return [
        OpenApiExample(name, value=value, request_only=request, response_only=not request)
        for name, value in values.items()
    ]


def answer(schema: str | dict[str, Any] | None, text: str, values: Examples | None = None) -> OpenApiResponse:
    """One answer: one of our schemas by name, a schema of its own, or None for an empty body."""
    body = ref(schema) if isinstance(schema, str) else schema
    return OpenApiResponse(body, description=text, examples=examples(values or {}))


def sent(
    name: str,
    text: str,
    schema: dict[str, Any] | None = None,
    *,
    required: bool = False,
    location: Any = OpenApiParameter.HEADER,
) -> OpenApiParameter:
    """A header (or a part of the path) of the request."""
    return OpenApiParameter(name, schema or {"type": "string"}, location, required, text)


def received(
    name: str, text: str, statuses: Sequence[int], schema: dict[str, Any] | None = None
) -> OpenApiParameter:
    """A header of the answers with these statuses."""
    return OpenApiParameter(
        name, schema or {"type": "string"}, OpenApiParameter.HEADER, description=text, response=list(statuses)
    )


def described(
    *,
    summary: str,
    description: str,
    tag: str,
    responses: Mapping[Any, OpenApiResponse],
    operation_id: str | None = None,
    headers: Sequence[OpenApiParameter] = (),
    requests: Examples | None = None,
) -> Callable[[Method], Method]:
    """The method below is in the document. The method itself is not changed."""

    def describe(method: Method) -> Method:
        # Named here, so that the merchant's DEFAULT_SCHEMA_CLASS has no say in it.
        method.__dict__["kwargs"] = {"schema": Operation}
        described: Method = extend_schema(
            operation_id=operation_id,
            summary=summary,
            description=description,
            tags=[tag],
            parameters=list(headers),
            responses=dict(responses),
            examples=examples(requests or {}, request=True),
        )(method)
        return described

    return describe
