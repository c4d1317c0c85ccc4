"""What an engine found wrong, in one shape for both engines and without the words of either."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Segment = str | int
Path = tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """The member at `path` breaks `keyword` of `schema`.

    For `oneOf` and `anyOf`, `branches` holds what was wrong with each alternative, in their order; it is
    empty when more than one alternative of `oneOf` fitted.
    """

    path: Path
    keyword: str
    schema: dict[str, Any]
    branches: tuple[tuple["Finding", ...], ...] = ()


class Compiled(Protocol):
    """One schema, ready to be asked. May be shared between threads."""

    def is_valid(self, document: object) -> bool: ...

    def findings(self, document: object) -> Sequence[Finding]: ...


class Engine(Protocol):
    """A JSON Schema implementation with formats switched on."""

    name: str

    def compile(self, schema: dict[str, Any]) -> Compiled: ...
