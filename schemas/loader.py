"""Schema files read from the installed package and joined into one document per version.

Nothing is ever fetched: a `$ref` leads into the same file or into another file of the same folder, and
anything else is a defect. References are followed once, here, so both engines see plain `#/$defs/` ones.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

Schema = dict[str, Any]

CURRENT = "2026-04-17"
_PROTOCOL = "acp"
OTHERS = ("agents_json",)
"""Folders beside it, each with one version of another protocol's documents, asked for by their name."""
_LOCAL = "#/$defs/"


class BrokenSchema(Exception):
    """The schema files themselves are wrong. The message names the file or definition."""


def versions() -> list[str]:
    """Every protocol version that has schema files, oldest first."""
    folder = resources.files("schemas") / _PROTOCOL
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[:1].isdigit())


def extensions(version: str = CURRENT) -> list[str]:
    """The extensions of one version that have schema files, by the name of their folder."""
    return sorted(entry.name for entry in _folder(version).iterdir() if entry.is_dir())


def files(version: str = CURRENT) -> dict[str, Schema]:
    """The files of one version by name. Raises LookupError for a version without files.

    `2026-04-17+intervention_types` is the version with that extension: the files of the
    extension's folder laid over the version's own, member by member, lists replaced. One of
    OTHERS stands for the files of that folder.
    """
    if version in OTHERS:
        return _read(resources.files("schemas") / version)
    released, _, extension = version.partition("+")
    if released not in versions():
        raise LookupError(f"no schemas for version {version!r}")
    found = _read(_folder(released))
    if extension:
        if extension not in extensions(released):
            raise LookupError(f"no schemas for version {version!r}")
        found = _laid_over(found, _read(_folder(released) / extension))
    return found


def _folder(version: str) -> Traversable:
    return resources.files("schemas") / _PROTOCOL / version


def _read(folder: Traversable) -> dict[str, Schema]:
    return {
        entry.name: json.loads(entry.read_text(encoding="utf-8"))
        for entry in sorted(folder.iterdir(), key=lambda found: found.name)
        if entry.name.endswith(".json")
    }


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`below` with what `above` adds or replaces."""
    merged = dict(below)
    for name, value in above.items():
        old = below.get(name)
        merged[name] = _laid_over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def joined(source: Mapping[str, Schema]) -> dict[str, Schema]:
    """Every definition of `source` by name, its references rewritten to `#/$defs/<name>`.

    Raises BrokenSchema when two files define one name or a reference leads nowhere.
    """
    home: dict[str, str] = {}
    for name, document in source.items():
        for definition in document.get("$defs", {}):
            if definition in home:
                raise BrokenSchema(f"{definition} is defined in {home[definition]} and in {name}")
            home[definition] = name

    def local(reference: str, name: str) -> str:
        target, separator, definition = reference.partition(_LOCAL)
        if not separator or home.get(definition) != (target or name):
            raise BrokenSchema(f"{name} refers to {reference}, which does not exist")
        return _LOCAL + definition

    def rewritten(node: Any, name: str) -> Any:
        if isinstance(node, dict):
            copy = {key: rewritten(value, name) for key, value in node.items()}
            if isinstance(node.get("$ref"), str):
                copy["$ref"] = local(node["$ref"], name)
            return copy
        if isinstance(node, list):
            return [rewritten(entry, name) for entry in node]
        return node

    return {
        definition: rewritten(schema, name)
        for name, document in source.items()
        for definition, schema in document.get("$defs", {}).items()
    }


@cache
def definitions(version: str = CURRENT) -> dict[str, Schema]:
    """Every definition of one version by name. Shared: the caller must not change it."""
    return joined(files(version))


def bundle(name: str, source: Mapping[str, Schema]) -> Schema:
    """The definition `name` as a document of its own, with what it needs under `$defs`.

    Raises LookupError when there is no such definition.
    """
    if name not in source:
        raise LookupError(f"no schema named {name!r}")
    needed: dict[str, Schema] = {}
    waiting = [name]
    while waiting:
        for reference in _references(source[waiting.pop()]):
            if reference not in needed:
                needed[reference] = source[reference]
                waiting.append(reference)
    document: Schema = {"title": name, **source[name]}
    if needed:
        document["$defs"] = {key: needed[key] for key in sorted(needed)}
    return document


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(_LOCAL)
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for entry in node:
            yield from _references(entry)
