"""What a capability must be to be served: its name, its address and its parameters (AJ-015, AJ-016,
AJ-110, AJ-112). The system checks say what is wrong; what is wrong is not served."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from gateway.interaction_api import params
from gateway.interaction_api.capabilities import Capability, Param

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
TYPES = ("string", "number", "integer", "boolean", "array", "object")
RESERVED = ("/session", "/audit")
"""Addresses below the base that are no capability's."""
HANDOFF_STATUS = 200

_NAME = re.compile(r"[a-z][a-z0-9_.]{0,63}", re.ASCII)
_PARAM = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_PATH = re.compile(r"(?:/[A-Za-z0-9_.~-]+)+(?:/:[A-Za-z_][A-Za-z0-9_]*)?", re.ASCII)


def legal(builtin: Sequence[Capability], own: Sequence[Capability]) -> list[Capability]:
    """Those of the merchant's that can be served and are enabled."""
    flawed = {id(entry) for entry, _ in flaws(builtin, own)}
    return [entry for entry in own if id(entry) not in flawed and entry.enabled()]


def flaws(builtin: Sequence[Capability], own: Sequence[Capability]) -> Iterator[tuple[Capability, str]]:
    """Each of the merchant's capabilities that cannot be served, and why. The first of two that clash can."""
    names = {entry.name for entry in builtin}
    routes = {route for entry in builtin for route in addresses(entry)}
    for entry in own:
        problem = next(_flaws(entry), None)
        if problem is None and entry.name in names:
            problem = "has a name that is taken"
        if problem is None and routes.intersection(addresses(entry)):
            problem = f"has an address that is taken: {entry.method} {entry.path}"
        if problem is not None:
            yield entry, problem
            continue
        names.add(entry.name)
        routes.update(addresses(entry))


def addresses(entry: Capability) -> tuple[tuple[str, str], ...]:
    """Every method and path by which it is called."""
    return ((entry.method, entry.path), *entry.also)


def _flaws(entry: Capability) -> Iterator[str]:
    if not _NAME.fullmatch(str(entry.name)):
        yield "needs a name of lower-case letters, digits, _ and . that begins with a letter"
        return
    for method, path in addresses(entry):
        if method not in METHODS:
            yield f"needs a method that is one of {', '.join(METHODS)}"
        if not _PATH.fullmatch(str(path)):
            yield "needs a path such as /gift/wrap, in which only the end may be a parameter, such as /:id"
        elif path.startswith(RESERVED):
            yield f"has a path that is not for capabilities: {', '.join(RESERVED)}"
    if entry.human_handoff and entry.status != HANDOFF_STATUS:
        yield "hands over to a person, which is answered with 200"
    if not 200 <= entry.status < 300 or entry.status == 204:
        yield "needs a status of success that has a body"
    for name, param in entry.params.items():
        if not _PARAM.fullmatch(str(name)) or not isinstance(param, Param):
            yield "needs params that map a name to a Param"
        elif (problem := _flaw_of(param)) is not None:
            yield f"has a parameter '{name}' that {problem}"


def _flaw_of(param: Param) -> str | None:
    if param.type not in TYPES:
        return f"needs a type that is one of {', '.join(TYPES)}"
    if param.items is not None and (param.type != "array" or param.items.get("type") not in TYPES):
        return "has items that are not those of a list"
    bounds: list[Any] = [param.least, param.most]
    if any(bound is not None and type(bound) is not int for bound in bounds):
        return "has a bound that is no integer"
    if None not in bounds and bounds[0] > bounds[1]:
        return "has no value between its bounds"
    for value in (*param.enum, *(() if param.default is None else (param.default,))):
        if (wrong := params.flaw(param, value)) is not None:
            return f"has a default or a choice that is none: it {wrong}"
    return "is required and has a default" if param.required and param.default is not None else None
