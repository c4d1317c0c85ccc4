"""Parameters as their capability declares them, or a refusal that names the one that is not (AJ-036 to
AJ-039, AJ-045).

What comes as text (the query string, the path) is read strictly into its type; what comes as JSON has
to be of that type already. No message quotes a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any
from urllib.parse import parse_qsl

from gateway import strict_json
from gateway.intake import BadTarget
from gateway.interaction_api.capabilities import Param
from gateway.interaction_api.refusals import Refused
from gateway.strict_json import BadJSON

MOST_MEMBERS = 100
"""Of a query string."""
LONGEST_TEXT = strict_json.MAX_STRING

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?", re.ASCII)
_WRONG = object()

_KINDS: Mapping[str, str] = {
    "string": "a text",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}


def from_query(query: str) -> dict[str, Any]:
    """The members of a query string; of one that comes several times, the list of its values.

    Raises BadTarget for what is no UTF-8, or has more than MOST_MEMBERS.
    """
    try:
        # The octets as they came: not every client puts those beyond ASCII into percent form.
        query = query.encode("latin-1").decode()
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MOST_MEMBERS)
    except ValueError:
        raise BadTarget from None
    members: dict[str, Any] = {}
    for name, value in pairs:
        members.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in members.items()}


def read(
    declared: Mapping[str, Param], textual: Mapping[str, Any], typed: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Every declared parameter that has a value, checked, and the members that nobody declared.

    `textual` came as text and `typed` as JSON, which counts where both name one. Raises Refused.
    """
    given = {**textual, **typed}
    values: dict[str, Any] = {}
    for name, param in declared.items():
        value = given.get(name)
        if value is not None:
            values[name] = _checked(name, param, value, from_text=name not in typed)
        elif param.required:
            raise Refused(f"The parameter '{name}' is required.")
        elif param.default is not None:
            values[name] = deepcopy(param.default)  # the handler may change it, for itself alone
    return values, {name: value for name, value in given.items() if name not in declared}


def flaw(param: Param, value: Any) -> str | None:
    """What is wrong with a value of JSON for `param`, as the end of a sentence, or None."""
    if not _is_of(param.type, value):
        return f"must be {_KINDS[param.type]}"
    if param.enum and not any(value == allowed and type(value) is type(allowed) for allowed in param.enum):
        return f"must be one of: {', '.join(str(allowed) for allowed in param.enum)}"
    if param.items is not None and isinstance(value, list):
        kind = param.items.get("type", "")
        if kind in _KINDS and not all(_is_of(kind, element) for element in value):
            return f"must be a list whose elements are each {_KINDS[kind]}"
    return _out_of_bounds(param, value)


def _checked(name: str, param: Param, value: Any, *, from_text: bool) -> Any:
    if from_text:
        if isinstance(value, list) and param.type != "array":
            raise Refused(f"The parameter '{name}' must be given once.")
        value = _read_text(param.type, value)
    wrong = f"must be {_KINDS[param.type]}" if value is _WRONG else flaw(param, value)
    if wrong:
        raise Refused(f"The parameter '{name}' {wrong}.")
    return value


def _read_text(kind: str, text: Any) -> Any:
    """The value that `text` writes in the one accepted spelling, or _WRONG."""
    match kind:
        case "string":
            return text
        case "integer":
            return int(text) if _INTEGER.fullmatch(text) else _WRONG
        case "number":
            return _number(text) if _NUMBER.fullmatch(text) else _WRONG
        case "boolean":
            return {"true": True, "false": False}.get(text, _WRONG)
        case "array" if isinstance(text, list):
            return text
    try:
        found = strict_json.loads(b'{"value":' + text.encode() + b"}")
    except BadJSON:
        return _WRONG
    return found["value"] if set(found) == {"value"} else _WRONG


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def _is_of(kind: str, value: Any) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "integer":
            return type(value) is int
        case "number":
            return type(value) in (int, float)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
    return False


def _out_of_bounds(param: Param, value: Any) -> str | None:
    sized = isinstance(value, str | list | dict)
    size = len(value) if sized else value
    if isinstance(value, bool):
        return None
    unit = "" if not sized else " characters" if isinstance(value, str) else " elements"
    most = LONGEST_TEXT if param.most is None and isinstance(value, str) else param.most
    if param.least is not None and size < param.least:
        if sized:
            return "must not be empty" if param.least == 1 else f"must have at least {param.least}{unit}"
        return f"must be {param.least} or more"
    if most is not None and size > most:
        return f"must have at most {most}{unit}" if sized else f"must be {most} or less"
    return None
