"""Defects that would make a validator quietly accept too much: found at start-up instead."""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from schemas.findings import Engine
from schemas.loader import BrokenSchema, Schema, joined
from schemas.reference_engine import FORMATS, ReferenceEngine

_PROBES = {
    "uri": ("https://shop.example/terms", "not a uri"),
    "date-time": ("2026-04-17T12:00:00Z", "2026-04-17 noon"),
    "email": ("jane@shop.example", "jane at shop"),
}
# What our files use. An unknown keyword is legal and does nothing, so a slip of the pen would go unnoticed.
# fmt: off
_KEYWORDS = frozenset({
    "$ref", "additionalProperties", "anyOf", "const", "default", "description", "else", "enum", "format",
    "if", "items", "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "oneOf", "pattern",
    "properties", "required", "then", "type", "uniqueItems",
})
# fmt: on
_OF_SCHEMAS = ("anyOf", "oneOf")
_A_SCHEMA = ("additionalProperties", "else", "if", "items", "then")


def check_files(source: Mapping[str, Schema], *, where: str) -> None:
    """The files are JSON Schemas of draft 2020-12, refer only to each other and use only known words.

    Raises BrokenSchema naming file and place.
    """
    for name, document in source.items():
        try:
            Draft202012Validator.check_schema(document)
        except SchemaError as error:
            raise BrokenSchema(f"{where}/{name}: {error.json_path} {error.message}") from error
    for name, schema in joined(source).items():
        for place, part in _parts(schema, name):
            _check_part(part, f"{where}: {place}")


def _check_part(part: Any, place: str) -> None:
    if isinstance(part, bool):
        return
    unknown = sorted(part.keys() - _KEYWORDS)
    if unknown:
        raise BrokenSchema(f"{place} uses {', '.join(unknown)}, which nobody checks")
    if part.get("format", FORMATS[0]) not in FORMATS:
        raise BrokenSchema(f"{place} asks for a format that nobody checks")
    undeclared = set(part.get("required", ())) - set(part.get("properties", ()))
    if part.get("additionalProperties") is False and undeclared:
        raise BrokenSchema(f"{place} requires {', '.join(sorted(undeclared))} and does not allow it")


def _parts(schema: Any, place: str) -> Iterator[tuple[str, Any]]:
    yield place, schema
    if not isinstance(schema, dict):
        return
    for name, inner in schema.get("properties", {}).items():
        yield from _parts(inner, f"{place}.{name}")
    for keyword in _OF_SCHEMAS:
        for number, inner in enumerate(schema.get(keyword, ())):
            yield from _parts(inner, f"{place}.{keyword}[{number}]")
    for keyword in _A_SCHEMA:
        if keyword in schema:
            yield from _parts(schema[keyword], f"{place}.{keyword}")


def check_formats(engine: Engine) -> None:
    """`engine` refuses what does not have the format and accepts what has. Raises BrokenSchema."""
    for name, (good, bad) in _PROBES.items():
        compiled = engine.compile({"type": "string", "format": name})
        if compiled.is_valid(bad) or not compiled.is_valid(good):
            raise BrokenSchema(f"{engine.name} does not check the format {name}")


def check_reference_formats() -> None:
    """jsonschema checks formats, which it does only with its extra packages. Raises BrokenSchema."""
    try:
        engine = ReferenceEngine()
    except KeyError as error:
        raise BrokenSchema(f"jsonschema knows no {error}: install jsonschema[format-nongpl]") from error
    check_formats(engine)
