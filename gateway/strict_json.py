"""Bytes to a JSON object, or a refusal that says what is wrong and repeats nothing of it.

Two programs that read one body differently are an attack, and a value that the database
or the renderer cannot hold is a 500. So this reads the intersection of what everybody
understands (RFC 8259 within the limits of RFC 7493): UTF-8, one object, no name twice,
numbers that a double holds exactly, strings that every database stores.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import orjson
import rfc8785

from schemas import jsonpath

MAX_DEPTH = 32
MAX_MEMBERS = 1_000
MAX_STRING = 16_384
MAX_INTEGER_DIGITS = 15
LARGEST_NUMBER = 10.0**MAX_INTEGER_DIGITS


class BadJSON(ValueError):
    """The body is not acceptable JSON.

    `param` is the JSONPath of the offending value, as far as its names are plain words, or
    None when there is no place to point at. Neither it nor the message holds a value.
    """

    def __init__(self, message: str, param: str | None = None, code: str = "invalid_json") -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code


def loads(
    raw: bytes,
    *,
    max_depth: int = MAX_DEPTH,
    max_members: int = MAX_MEMBERS,
    max_string: int = MAX_STRING,
) -> dict[str, Any]:
    """The object in `raw`: dicts, lists, str, int of up to 15 digits, finite float, bool, None.

    Raises BadJSON and nothing else, whatever the bytes are. Limits are inclusive: `max_depth`
    counts the outer object as one, `max_members` bounds the names in all objects and the
    elements in all arrays, each over the whole document, `max_string` bounds the characters
    of a string or a name. (T73-T79)
    """
    text = _text(raw)
    _check_shape(raw, max_depth, max_members)
    suspicious = len(raw) > max_string or _may_hold_unsafe_characters(raw)
    document: Any = None
    problem: BadJSON | None = None
    try:
        document = _STRICT.decode(text)
    except _Suspicious:
        suspicious = True
    except json.JSONDecodeError as error:
        problem = _syntax_problem(error)
    except RecursionError:  # the caller's own stack was nearly used up
        problem = BadJSON("The body is nested too deeply.")
    if problem is None and suspicious:
        try:
            _explain(text, max_string)
        except RecursionError:
            problem = BadJSON("The body is nested too deeply.")
    # Raised out here so that the decoder's error, which holds the body, is not its context.
    if problem is not None:
        raise problem
    if not isinstance(document, dict):
        raise BadJSON("The body must be a JSON object.", "$")
    return document


def dumps(value: Any) -> bytes:
    """`value` as compact UTF-8 JSON.

    Raises TypeError for what JSON cannot express: unknown types, names that are not text,
    lone surrogates, integers beyond 64 bits.
    """
    return orjson.dumps(value)


def canonical(value: Any) -> bytes:
    """`value` in the one spelling of RFC 8785: equal bytes mean equal JSON.

    The order of names and the spelling of a number (1, 1.0, 1e0) do not matter; the order
    of elements does, and null is not absence (ACP-087, ACP-088). Never raises for a value
    that came out of `loads`.
    """
    # The bytes are the same either way; written in C they take a fiftieth of the time.
    if _is_plain(value):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return rfc8785.dumps(value)


_EXACT = 2**53 - 1


def _is_plain(value: object) -> bool:
    """orjson, with its names sorted, spells `value` as RFC 8785 does.

    It does not spell every fraction so, sorts by UTF-8 instead of UTF-16, and takes integers that
    RFC 8785 refuses. Escapes, and text without any, are the same. What neither takes is not plain.
    """
    if isinstance(value, dict):
        for name in value:
            if type(name) is not str or not name.isascii():
                return False
        inside: Iterable[object] = value.values()
    else:
        inside = value if isinstance(value, list) else (value,)
    for child in inside:
        kind = type(child)
        if kind is str:
            if _SURROGATE.search(child):  # type: ignore[call-overload]
                return False
        elif kind is int:
            if not -_EXACT <= child <= _EXACT:  # type: ignore[operator]
                return False
        elif kind is dict or kind is list:
            if not _is_plain(child):
                return False
        elif child is not None and kind is not bool:
            return False
    return True


# Before decoding ------------------------------------------------------------------------


def _text(raw: bytes) -> str:
    if raw.startswith(b"\xef\xbb\xbf"):
        raise BadJSON("The body must not start with a byte order mark.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    raise BadJSON("The body is not valid UTF-8.")


# Possessive, and satisfied by the end of the input: one pass whatever the quotes do.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def _check_shape(raw: bytes, max_depth: int, max_members: int) -> None:
    """Depth and size are within bounds. Measured on the bytes: decoding a bomb is the harm."""
    opening = raw.count(b"{") + raw.count(b"[")
    if opening <= max_depth and opening + raw.count(b",") <= max_members:
        return
    skeleton = _STRING.sub(b"0", raw).translate(None, b" \t\r\n")
    depth = 0
    for byte in skeleton.translate(None, _NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        if depth > max_depth:
            raise BadJSON(f"The body is nested too deeply: at most {max_depth} levels are accepted.")
    names = skeleton.count(b":")
    if names > max_members:
        raise BadJSON(f"The body has too many members: at most {max_members} are accepted.")
    opening = skeleton.count(b"{") + skeleton.count(b"[")
    empty = skeleton.count(b"{}") + skeleton.count(b"[]")
    if opening - empty + skeleton.count(b",") - names > max_members:
        raise BadJSON(f"The arrays of the body are too long: at most {max_members} elements are accepted.")


# Escapes of C0 controls, surrogates and U+FDxx, U+FFxx. A pair for a character outside the
# basic plane is caught as well, and acquitted by _explain.
_UNSAFE_ESCAPE = re.compile(rb"\\(?:[bf]|u(?:00[01]|[dD][89a-fA-F]|[fF][dDfF]))")


def _may_hold_unsafe_characters(raw: bytes) -> bool:
    """False only if no string can hold one. Raw controls and surrogates fail elsewhere."""
    if b"\\" in raw and _UNSAFE_ESCAPE.search(raw):
        return True
    # The UTF-8 forms of non-characters: U+FDD0..U+FDEF, and the last two of every plane.
    return b"\xef\xb7" in raw or b"\xbf\xbe" in raw or b"\xbf\xbf" in raw


# Decoding -------------------------------------------------------------------------------


class _Suspicious(Exception):
    """Something is refused; _explain says what and where."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Suspicious
    return members


def _short_integer(literal: str) -> int:
    if len(literal) > MAX_INTEGER_DIGITS and len(literal.lstrip("-")) > MAX_INTEGER_DIGITS:
        raise _Suspicious
    return int(literal)


def _finite_float(literal: str) -> float:
    number = float(literal)
    # A whole number of more digits comes back from the database as an integer no answer can hold.
    if not abs(number) < LARGEST_NUMBER:
        raise _Suspicious
    return number


def _no_constant(literal: str) -> NoReturn:
    raise _Suspicious


_STRICT = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=_short_integer,
    parse_float=_finite_float,
    parse_constant=_no_constant,
)


def _syntax_problem(error: json.JSONDecodeError) -> BadJSON:
    if not error.doc.strip(" \t\r\n"):
        return BadJSON("The body is empty.")
    if error.msg.startswith("Invalid control character"):
        return BadJSON("A string holds an unescaped control character.")
    return BadJSON(f"The body is not valid JSON (line {error.lineno}, column {error.colno}).")


# Explaining -----------------------------------------------------------------------------


class _Pairs(list[tuple[str, Any]]):
    """An object with every name it was sent with."""


class _Refused:
    """A literal that is refused, standing where it stood."""

    def __init__(self, message: str) -> None:
        self.message = message


def _explain_integer(literal: str) -> int | _Refused:
    try:
        return _short_integer(literal)
    except _Suspicious:
        return _Refused(f"An integer is too large: at most {MAX_INTEGER_DIGITS} digits are accepted.")


def _explain_float(literal: str) -> float | _Refused:
    try:
        return _finite_float(literal)
    except _Suspicious:
        return _Refused("A number is too large to be represented.")


def _explain_constant(literal: str) -> _Refused:
    return _Refused("NaN and Infinity are not JSON numbers.")


_EXPLAINING = json.JSONDecoder(
    object_pairs_hook=_Pairs,
    parse_int=_explain_integer,
    parse_float=_explain_float,
    parse_constant=_explain_constant,
)


def _explain(text: str, max_string: int) -> None:
    """Nothing in `text` is refused, or BadJSON for the first thing that is, with its place."""
    problem: BadJSON | None = None
    try:
        tree = _EXPLAINING.decode(text)
    except json.JSONDecodeError as error:  # the strict decoder stopped earlier than this
        problem = _syntax_problem(error)
    if problem is not None:
        raise problem
    _explain_value(tree, [], max_string)


def _place(path: Sequence[str | int]) -> str:
    """As far as its names may be shown: a card number sent as a name must not come back in an error."""
    return jsonpath.rendered(tuple(path))[0]


def _explain_value(value: Any, path: list[str | int], max_string: int) -> None:
    if isinstance(value, _Refused):
        raise BadJSON(value.message, _place(path))
    if isinstance(value, str):
        _explain_string(value, path, max_string)
    elif isinstance(value, _Pairs):
        seen: set[str] = set()
        for name, child in value:
            _explain_string(name, path, max_string)
            if name in seen:
                raise BadJSON("A member name appears more than once in an object.", _place([*path, name]))
            seen.add(name)
            _explain_value(child, [*path, name], max_string)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _explain_value(child, [*path, index], max_string)


_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f]")
_LAST_TWO_OF_EVERY_PLANE = "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
_NONCHARACTER = re.compile(f"[\ufdd0-\ufdef{_LAST_TWO_OF_EVERY_PLANE}]")


def _explain_string(string: str, path: list[str | int], max_string: int) -> None:
    if len(string) > max_string:
        message = f"A string is too long: at most {max_string} characters are accepted."
    elif "\x00" in string:
        message = "A string holds a NUL character."
    elif _CONTROL.search(string):
        message = "A string holds a control character other than tab, newline and carriage return."
    elif _SURROGATE.search(string):
        message = "A string holds half of a surrogate pair."
    elif _NONCHARACTER.search(string):
        message = "A string holds a code point that is not a character."
    else:
        return
    raise BadJSON(message, _place(path))
