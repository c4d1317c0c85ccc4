"""jsonschema-rs as an engine: decides at run time."""

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import jsonschema_rs

from schemas import formats
from schemas.findings import Finding, Segment

_UNIONS = ("oneOf", "anyOf")
_MARK = "\0"
_FORMATS = {"date-time": formats.is_date_time, "email": formats.is_email}  # `uri` is its own


def _never_fetch(uri: str) -> NoReturn:
    raise LookupError("schemas are not fetched")


class FastCompiled:
    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._validator = jsonschema_rs.Draft202012Validator(
            schema, validate_formats=True, formats=_FORMATS, retriever=_never_fetch
        )

    def is_valid(self, document: object) -> bool:
        return self._validator.is_valid(document)

    def findings(self, document: object) -> Sequence[Finding]:
        return self._converted(self._validator.iter_errors(_marked(document)))

    def _converted(self, errors: Iterable[jsonschema_rs.ValidationError]) -> tuple[Finding, ...]:
        return tuple(self._finding(error) for error in errors)

    def _finding(self, error: jsonschema_rs.ValidationError) -> Finding:
        *parents, keyword = error.schema_path
        branches: tuple[tuple[Finding, ...], ...] = ()
        if keyword in _UNIONS:
            branches = tuple(self._converted(branch) for branch in getattr(error.kind, "context", ()))
            if not all(branches):  # an empty one fitted: too many did
                branches = ()
        path = tuple(_unmarked(segment) for segment in error.instance_path)
        return Finding(path, str(keyword), self._located(parents), branches)

    def _located(self, segments: Iterable[Segment]) -> dict[str, Any]:
        node: Any = self._schema
        for segment in segments:
            node = node[segment]
            if segment == "$ref":
                node = self._schema["$defs"][node.rpartition("/")[2]]
        found: dict[str, Any] = node
        return found


def _marked(node: Any) -> Any:
    """`node` with a mark before every name that `instance_path` would garble: "" is left out of it and "007"
    comes as the number 7. No schema declares such a name, so the findings are the same.
    """
    if isinstance(node, dict):
        return {
            _MARK + name if not name or name.isdigit() or name[0] == _MARK else name: _marked(inner)
            for name, inner in node.items()
        }
    if isinstance(node, list):
        return [_marked(inner) for inner in node]
    return node


def _unmarked(segment: Segment) -> Segment:
    return segment.removeprefix(_MARK) if isinstance(segment, str) else segment


class FastEngine:
    """The engine of choice: a few microseconds for a session."""

    name = "jsonschema-rs"

    def compile(self, schema: dict[str, Any]) -> FastCompiled:
        """A validator of `schema`. Raises ValueError when the schema itself is wrong."""
        return FastCompiled(schema)
