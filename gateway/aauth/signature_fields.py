"""The headers of a signature as structured fields (RFC 9651), and as the older wording wrote them. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Mapping
from typing import Any, cast

import http_sf

from gateway.aauth.signature_problem import SignatureProblem

Fields = dict[str, tuple[Any, dict[str, Any]]]
"""A dictionary of (value, parameters)."""

LONGEST = {"signature": 4_000, "signature-input": 4_000, "signature-key": 16_000, "content-digest": 1_000}
"""Characters. Whoever needs more has something else in mind."""
UNPARSABLE = (ValueError, TypeError, OverflowError, OSError, LookupError, ArithmeticError)
"""What a parser of structured fields may raise over text that is none."""

OLDER_BYTES = re.compile(r":([A-Za-z0-9+/_-]*)={0,2}:")
OLDER_KEY = re.compile(
    r"(?P<label>[a-z*][a-z0-9_.*-]*)=\([ \t]*scheme=(?P<scheme>[a-z0-9_-]+)"
    r'(?P<parameters>(?:[ \t]+[a-z0-9_]+="[^"\\]*")*)[ \t]*\)'
)
OLDER_PARAMETER = re.compile(r'([a-z0-9_]+)="([^"\\]*)"')


def dictionary(name: str, text: str) -> Fields:
    """The header `name` as a dictionary. A key or a parameter that comes twice makes it none of ours.

    Raises SignatureProblem.
    """

    def twice(key: str, where: str) -> None:
        raise ValueError(f"{where} twice")

    if len(text) > LONGEST[name]:
        raise SignatureProblem("invalid_signature", f"{name.title()} is too long.")
    try:
        return cast(Fields, http_sf.parse(text.encode("ascii"), tltype="dictionary", on_duplicate_key=twice))
    except UNPARSABLE as why:
        raise SignatureProblem("invalid_signature", f"{name.title()} is not well-formed.") from why


def signatures(text: str, older: set[str] | None) -> Fields:
    """The header Signature. `older`, when there is one, allows the older wording and notes its use.

    That wording had bytes in base64url, or without padding. Raises SignatureProblem.
    """
    if older is not None and len(text) <= LONGEST["signature"]:
        plain = OLDER_BYTES.sub(_standard, text)
        if plain != text:
            older.add("signature")
            text = plain
    return dictionary("signature", text)


def signature(member: tuple[Any, dict[str, Any]], text: str, older: set[str] | None) -> bytes:
    """The bytes of one signature of the header `text`. Raises SignatureProblem.

    RFC 9651 lets a parser take bytes without their padding; who writes them may not leave it away.
    """
    value, _ = member
    if not isinstance(value, bytes):
        raise SignatureProblem("invalid_signature", "Signature is not a byte sequence.")
    if older is None and f":{base64.b64encode(value).decode()}:" not in text:
        raise SignatureProblem("invalid_signature", "Signature is not in padded base64.")
    return value


def keys(text: str, older: set[str] | None) -> Fields:
    """The header Signature-Key. `older`, when there is one, allows the older wording and notes its use.

    That wording had `sig=(scheme=jwt jwt="...")`, which is no structured field. Raises SignatureProblem.
    """
    if older is not None and len(text) <= LONGEST["signature-key"]:
        found = OLDER_KEY.fullmatch(text.strip(" \t"))
        if found:
            older.add("signature-key")
            parameters = dict(OLDER_PARAMETER.findall(found["parameters"]))
            return {found["label"]: (http_sf.Token(found["scheme"]), parameters)}
    return dictionary("signature-key", text)


def shared_label(inputs: Fields, signed: Fields, named: Fields, schemes: Collection[str]) -> str:
    """The first label that all three headers have, if possible one whose scheme is accepted.

    What others added to the request, in whatever form, is not ours to judge (AA-405). Raises
    SignatureProblem when there is none.
    """
    labels = [label for label in inputs if label in signed and label in named]
    if not labels:
        raise SignatureProblem("invalid_signature", "The three headers share no label.")
    return next((label for label in labels if _names(named[label][0], schemes)), labels[0])


def components(member: tuple[Any, dict[str, Any]]) -> tuple[list[Any], dict[str, Any]]:
    """What Signature-Input lists, and the parameters of the signature. Raises SignatureProblem."""
    items, parameters = member
    if not isinstance(items, list):
        raise SignatureProblem("invalid_signature", "Signature-Input is not an inner list.")
    return items, parameters


def scheme(member: tuple[Any, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """The scheme that Signature-Key names, and its parameters. Raises SignatureProblem."""
    value, parameters = member
    if not isinstance(value, http_sf.Token):
        raise SignatureProblem("invalid_signature", "Signature-Key does not name a scheme.")
    return str(value), parameters


def serialised(member: tuple[Any, dict[str, Any]]) -> str:
    """The member as it is written by the book, whatever spaces came with it. Raises SignatureProblem."""
    try:
        return http_sf.ser([cast(Any, member)])
    except UNPARSABLE as why:
        raise SignatureProblem("invalid_signature", "Signature-Input is not well-formed.") from why


def joined(parameters: Mapping[str, str]) -> str:
    """Parameters as they follow a value."""
    return "".join(f";{name}={http_sf.ser(value)}" for name, value in parameters.items())


def _names(value: Any, schemes: Collection[str]) -> bool:
    return isinstance(value, http_sf.Token) and str(value) in schemes


def _standard(written: re.Match[str]) -> str:
    text = written[1].replace("-", "+").replace("_", "/")
    return f":{text}{'=' * (-len(text) % 4)}:"
