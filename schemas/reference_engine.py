"""jsonschema as an engine: judges the schemas, is the oracle of the tests, stands in for the fast one."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend as _untyped_extend
from referencing import Registry

from schemas import formats
from schemas.findings import Finding

FORMATS = ("date-time", "email", "uri")


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    # JSON Schema means ECMA-262, where `$` is the very end; Python's also fits before a last newline.
    body = pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
    return re.compile(body, re.ASCII)


def _pattern(validator: Any, pattern: str, instance: object, schema: object) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _expression(pattern).search(instance):
        yield ValidationError("pattern")


_extend: Any = _untyped_extend
_Validator = _extend(Draft202012Validator, {"pattern": _pattern})


def _format_checker() -> FormatChecker:
    # Raises KeyError when the package that knows URIs is not installed: better than passing everything.
    checker = FormatChecker(formats=("uri",))
    known, refusals = checker.checkers["uri"]
    checker.checks("uri", raises=refusals)(lambda value: not _has_newline(value) and known(value))
    checker.checks("date-time")(lambda value: not isinstance(value, str) or formats.is_date_time(value))
    checker.checks("email")(lambda value: not isinstance(value, str) or formats.is_email(value))
    return checker


def _has_newline(value: object) -> bool:
    return isinstance(value, str) and "\n" in value


class ReferenceCompiled:
    def __init__(self, schema: dict[str, Any], checker: FormatChecker | None) -> None:
        # An explicit registry, because the default one fetches.
        self._validator = _Validator(schema, format_checker=checker, registry=Registry())

    def is_valid(self, document: object) -> bool:
        return bool(self._validator.is_valid(document))

    def findings(self, document: object) -> Sequence[Finding]:
        return _converted(self._validator.iter_errors(document))


def _converted(errors: Iterable[ValidationError]) -> tuple[Finding, ...]:
    return tuple(_finding(error) for error in errors)


def _finding(error: ValidationError) -> Finding:
    branches: dict[int, list[Finding]] = {}
    for inner in error.context or ():
        branches.setdefault(int(inner.relative_schema_path[0]), []).append(_finding(inner))
    return Finding(
        path=tuple(error.absolute_path),
        keyword=str(error.validator),
        schema=error.schema if isinstance(error.schema, dict) else {},
        branches=tuple(tuple(branches[number]) for number in sorted(branches)),
    )


class ReferenceEngine:
    """Slower by a factor of about two hundred, in pure Python."""

    name = "jsonschema"

    def __init__(self, *, check_formats: bool = True) -> None:
        self._checker = _format_checker() if check_formats else None

    def compile(self, schema: dict[str, Any]) -> ReferenceCompiled:
        """A validator of `schema`."""
        return ReferenceCompiled(schema, self._checker)
