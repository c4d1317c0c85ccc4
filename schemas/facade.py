"""The one door to the schemas: validators by name, the documents for OpenAPI, the check at start-up.

jsonschema-rs decides where it is installed and jsonschema where it is not, with the same answers.
"""

from copy import deepcopy
from functools import cache
from typing import Any

from schemas import loader
from schemas.findings import Engine
from schemas.loader import CURRENT, BrokenSchema, versions
from schemas.wording import Violation, violations

__all__ = [
    "CURRENT",
    "BrokenSchema",
    "Validator",
    "Violation",
    "bundled",
    "engine_name",
    "names",
    "self_check",
    "validator",
    "versions",
]


@cache
def _engine() -> Engine:
    try:
        from schemas.fast_engine import FastEngine
    except ImportError:  # no wheel for this machine
        from schemas.reference_engine import ReferenceEngine

        return ReferenceEngine()
    return FastEngine()


class Validator:
    """One schema, compiled. Safe to share between threads; built in each process, it cannot be pickled."""

    __slots__ = ("_compiled", "_schema", "name", "version")

    def __init__(self, name: str, version: str, engine: Engine) -> None:
        self.name = name
        self.version = version
        self._schema = bundled(name, version)
        self._compiled = engine.compile(self._schema)

    def __repr__(self) -> str:
        return f"Validator({self.name!r}, {self.version!r})"

    def is_valid(self, document: object) -> bool:
        """Whether `document` fits, without saying why not."""
        return self._compiled.is_valid(document)

    def violations(self, document: object) -> list[Violation]:
        """What is wrong with `document`: nothing when it fits, else at most twenty, shallow ones first.

        `document` is what a JSON reader gives: dicts with text keys, lists, text without lone surrogates,
        finite numbers, booleans and None. Something else may raise ValueError.
        """
        if self._compiled.is_valid(document):
            return []
        return violations(self._compiled.findings(document), document, self._schema)


@cache
def validator(name: str, version: str = CURRENT) -> Validator:
    """The validator of one schema, compiled on first use in this process.

    Raises LookupError for an unknown name or version.
    """
    return Validator(name, version, _engine())


def engine_name() -> str:
    """Which engine decides here: `jsonschema-rs` or `jsonschema`."""
    return _engine().name


def names(version: str = CURRENT) -> list[str]:
    """Every schema of one version, sorted. Raises LookupError for an unknown version."""
    return sorted(loader.definitions(version))


def bundled(name: str, version: str = CURRENT) -> dict[str, Any]:
    """A copy of one schema that needs no other: what it refers to stands under its own `$defs`.

    Raises LookupError for an unknown name or version.
    """
    return deepcopy(loader.bundle(name, loader.definitions(version)))


def self_check() -> None:
    """Every schema file is sound and every engine at hand really checks formats.

    Raises BrokenSchema naming the first defect. Takes a moment: meant for start-up. May be repeated.
    """
    # The reference engine takes over a second to import, which a worker that only decides should not pay.
    from schemas import selfcheck

    for released in versions():
        extended = [f"{released}+{extension}" for extension in loader.extensions(released)]
        for version in (released, *extended):
            selfcheck.check_files(loader.files(version), where=version)
    for other in loader.OTHERS:
        selfcheck.check_files(loader.files(other), where=other)
    selfcheck.check_reference_formats()
    selfcheck.check_formats(_engine())
