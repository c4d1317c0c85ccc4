"""From findings to what a caller reads: one path, one keyword, one sentence that names no value."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas import jsonpath
from schemas.findings import Finding, Path

MOST = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with a document.

    `path` is a JSONPath, of the missing member for `required` and of the surplus one for
    `additionalProperties`; `message` never repeats what was sent.
    """

    path: str
    keyword: str
    message: str


@dataclass(frozen=True, slots=True)
class _Remark:
    path: Path
    keyword: str
    words: str


_TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "a boolean",
    "null": "null",
}
_FORMATS = {
    "uri": "must be an absolute URI, such as https://shop.example/terms",
    "date-time": "must be a date and time with an offset, such as 2026-04-17T12:00:00Z",
    "email": "must be an e-mail address, such as jane@shop.example",
}


def violations(findings: Iterable[Finding], document: object, schema: Mapping[str, Any]) -> list[Violation]:
    """`findings` about `document` as at most twenty violations: shallow ones first, then by path."""
    remarks = {
        (remark.path, remark.keyword): remark
        for finding in findings
        for remark in _remarks(finding, document, schema.get("$defs", {}))
    }
    told: dict[tuple[str, str], Violation] = {}
    for remark in sorted(remarks.values(), key=_order):
        violation = _told(remark)
        told.setdefault((violation.path, violation.keyword), violation)
    return list(told.values())[:MOST]


def _order(remark: _Remark) -> tuple[int, list[tuple[bool, int, str]], str]:
    places = [
        (True, segment, "") if isinstance(segment, int) else (False, 0, segment) for segment in remark.path
    ]
    return len(places), places, remark.keyword


def _told(remark: _Remark) -> Violation:
    path, complete = jsonpath.rendered(remark.path)
    subject = path if complete else f"A member of {path}"
    if subject == "$":
        subject = "The body"
    return Violation(path, remark.keyword, f"{subject} {remark.words}.")


def _remarks(finding: Finding, document: object, definitions: Mapping[str, Any]) -> Iterator[_Remark]:
    if finding.keyword == "required":
        yield from _missing(finding, _at(document, finding.path))
    elif finding.keyword == "additionalProperties":
        yield from _surplus(finding, _at(document, finding.path))
    elif finding.keyword in ("oneOf", "anyOf"):
        yield from _union(finding, document, definitions)
    else:
        wording = _WORDS.get(finding.keyword)
        words = wording(finding.schema[finding.keyword]) if wording else "is not as the schema wants it"
        yield _Remark(finding.path, finding.keyword, words)


def _missing(finding: Finding, instance: object) -> Iterator[_Remark]:
    present = instance if isinstance(instance, dict) else {}
    for name in finding.schema["required"]:
        if name not in present:
            yield _Remark((*finding.path, name), "required", "is required")


def _surplus(finding: Finding, instance: object) -> Iterator[_Remark]:
    known = list(finding.schema.get("properties", {}))
    for name in instance if isinstance(instance, dict) else ():
        if name in known:
            continue
        if not jsonpath.is_plain(name):
            yield _Remark(finding.path, "additionalProperties", "has a member that is not known here")
            continue
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f"; perhaps {nearest[0]} is meant" if nearest else ""
        yield _Remark((*finding.path, name), "additionalProperties", f"is not known here{hint}")


def _union(finding: Finding, document: object, definitions: Mapping[str, Any]) -> Iterator[_Remark]:
    """What is wrong with the alternative that was most likely meant."""
    if not finding.branches:
        yield _Remark(finding.path, finding.keyword, "fits more than one of the forms allowed here")
        return
    instance = _at(document, finding.path)
    chosen: Sequence[Finding]
    tag = _tag(finding, definitions)
    if isinstance(instance, dict) and tag is not None:
        name, values = tag
        if name not in instance:
            yield _Remark((*finding.path, name), "required", "is required")
            return
        if instance[name] not in values:
            yield _Remark((*finding.path, name), "enum", _one_of(values))
            return
        chosen = finding.branches[values.index(instance[name])]
    elif all(inner.keyword == "required" for branch in finding.branches for inner in branch):
        wanted = [alternative["required"] for alternative in finding.schema[finding.keyword]]
        begun = [set(names) & set(instance if isinstance(instance, dict) else ()) for names in wanted]
        if not any(begun):
            separator = ", or " if any(len(names) > 1 for names in wanted) else " or "
            choice = separator.join(" and ".join(names) for names in wanted)
            yield _Remark(finding.path, finding.keyword, f"must have {choice}")
            return
        chosen = next(branch for branch, names in zip(finding.branches, begun, strict=True) if names)
    else:
        chosen = min(finding.branches, key=lambda branch: len(branch))
    for inner in chosen:
        yield from _remarks(inner, document, definitions)


def _tag(finding: Finding, definitions: Mapping[str, Any]) -> tuple[str, list[Any]] | None:
    """The member whose constant tells the alternatives apart, and its value in each."""
    properties = []
    for alternative in finding.schema[finding.keyword]:
        target = alternative
        if "$ref" in alternative:
            target = definitions[alternative["$ref"].rpartition("/")[2]]
        properties.append(target.get("properties", {}))
    for name in properties[0]:
        if all("const" in members.get(name, {}) for members in properties):
            return name, [members[name]["const"] for members in properties]
    return None


def _at(document: Any, path: Path) -> object:
    for segment in path:
        document = document[segment]
    return document


def _one_of(values: Iterable[Any]) -> str:
    return "must be one of: " + ", ".join(str(value) for value in values)


def _type(wanted: Any) -> str:
    names = [wanted] if isinstance(wanted, str) else wanted
    *others, last = [_TYPES[name] for name in names]
    return f"must be {', '.join(others)} or {last}" if others else f"must be {last}"


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


_WORDS: dict[str, Callable[[Any], str]] = {
    "type": _type,
    "enum": _one_of,
    "const": lambda value: f"must be {value}",
    "format": lambda name: _FORMATS.get(name, f"must have the format {name}"),
    "pattern": lambda pattern: f"must match the pattern {pattern}",
    "minimum": lambda bound: f"must be {bound} or more",
    "maximum": lambda bound: f"must be {bound} or less",
    "minLength": lambda bound: f"must have at least {_count(bound, 'character', 'characters')}",
    "maxLength": lambda bound: f"must have at most {_count(bound, 'character', 'characters')}",
    "minItems": lambda bound: f"must have at least {_count(bound, 'entry', 'entries')}",
    "maxItems": lambda bound: f"must have at most {_count(bound, 'entry', 'entries')}",
    "uniqueItems": lambda _: "must not hold the same entry twice",
}
