"""What is done to the document before and after drf-spectacular writes it.

Both leave a document alone that is not ours: while ours is being written, another thread may be
writing the merchant's with the same settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.api import ProtocolView
from gateway.openapi.operations import COMPONENT, in_our_document
from schemas import facade

LOCAL = "#/$defs/"

SCHEMAS = f"{ProtocolView.schema_version}+{ProtocolView.schema_extension}"
"""The widest form there is: answers without the extension lack its members and are valid too."""


def only_ours(endpoints: list[Any]) -> list[Any]:
    """The routes that lead to views of ours which agents call."""
    if not in_our_document():
        return endpoints
    views = [(entry, entry[3].cls) for entry in endpoints]
    return [entry for entry, view in views if issubclass(view, ProtocolView) and view.for_agents]


def with_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Schemas, headers and parameters stand under `components`, each once."""
    if not in_our_document():
        return result
    components = result.setdefault("components", {})
    components["schemas"] = _schemas(set(_referred(result)))
    parameters: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    for operations in result["paths"].values():
        for operation in operations.values():
            if given := operation.get("parameters"):
                moved = [_moved(parameters, entry["name"], entry, "parameters") for entry in given]
                operation["parameters"] = moved
            for response in operation["responses"].values():
                for name, header in response.get("headers", {}).items():
                    response["headers"][name] = _moved(headers, name, header, "headers")
    components["parameters"] = dict(sorted(parameters.items()))
    components["headers"] = dict(sorted(headers.items()))
    result["components"] = dict(sorted(components.items()))
    return result


def _moved(home: dict[str, Any], name: str, entry: dict[str, Any], kind: str) -> dict[str, Any]:
    """A reference to `entry` in `home`, or `entry` itself when another one has its name there."""
    if home.setdefault(name, entry) != entry:
        return entry
    return {"$ref": f"#/components/{kind}/{name}"}


def _referred(node: Any) -> Iterator[str]:
    """The names of all schemas of ours that are referred to."""
    if isinstance(node, dict):
        target = node.get("$ref")
        if isinstance(target, str) and target.startswith(COMPONENT):
            yield target.removeprefix(COMPONENT)
        for value in node.values():
            yield from _referred(value)
    elif isinstance(node, list):
        for value in node:
            yield from _referred(value)


def _schemas(names: set[str]) -> dict[str, Any]:
    """These schemas and all they need, with references that hold inside the document."""
    found: dict[str, Any] = {}
    for name in names:
        schema = facade.bundled(name, SCHEMAS)
        schema.pop("title", None)
        found |= schema.pop("$defs", {})
        found[name] = schema
    return {name: _rehung(found[name]) for name in sorted(found)}


def _rehung(node: Any) -> Any:
    if isinstance(node, dict):
        copy = {key: _rehung(value) for key, value in node.items()}
        if isinstance(node.get("$ref"), str):
            copy["$ref"] = node["$ref"].replace(LOCAL, COMPONENT)
        return copy
    if isinstance(node, list):
        return [_rehung(entry) for entry in node]
    return node
