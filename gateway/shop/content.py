"""What else buyers are told about a product: as an operator types it, and as it is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError

from gateway import markdown

BETWEEN = "+++"
"""The line between two disclosures. It means nothing in Markdown."""

MOST = 20
"""Disclosures, attributes or options of one product: all are sent with every answer."""

_WEIGHT = re.compile(r"(\d{1,7}(?:\.\d{1,3})?)\s*(g|kg|oz|lb)")
_NUMBER = r"(\d{1,5}(?:\.\d{1,2})?)"
_DIMENSIONS = re.compile(rf"{_NUMBER}\s*x\s*{_NUMBER}\s*x\s*{_NUMBER}\s*(cm|in)")


def judge(content: Any) -> None:
    """The stored content can be shown, or ValidationError says what cannot, and where."""
    if not isinstance(content, dict):
        raise ValidationError("A dict of what buyers are told.")
    for number, entry in enumerate(content.get("disclosures", ()), start=1):
        if entry["content_type"] == "markdown" and (flaw := markdown.flaw(entry["content"])):
            raise ValidationError(f"Disclosure {number}, {str(flaw)[0].lower()}{str(flaw)[1:]}")


def disclosures(text: str, content_type: str) -> list[dict[str, str]]:
    """Texts with a line of three plus signs between them. Raises ValidationError naming the line."""
    found = []
    for start, part in _parts(text):
        if content_type == "markdown" and (flaw := markdown.flaw(part)):
            raise ValidationError(f"Line {start + flaw.line - 1}: {flaw.reason}")
        if part.strip():
            found.append({"content_type": content_type, "content": part.strip("\n")})
    if len(found) > MOST:
        raise ValidationError(f"At most {MOST}.")
    return found


def pairs(lines: Sequence[str], name: str, value: str) -> list[dict[str, str]]:
    """`Material: wool`, one a line, as dicts with these two names. Raises ValidationError."""
    found = []
    for line in lines:
        before, colon, after = (part.strip() for part in line.partition(":"))
        if not (before and colon and after):
            raise ValidationError("A name, a colon and a value in each line, such as Material: wool.")
        found.append({name: before, value: after})
    if len(found) > MOST:
        raise ValidationError(f"At most {MOST}.")
    return found


def weight(text: str) -> dict[str, Any]:
    """`350 g`. Raises ValidationError."""
    found = _WEIGHT.fullmatch(text.strip())
    if found is None:
        raise ValidationError("A number and g, kg, oz or lb, such as 350 g.")
    return {"value": float(found[1]), "unit": found[2]}


def dimensions(text: str) -> dict[str, Any]:
    """`30 x 20 x 10 cm`. Raises ValidationError."""
    found = _DIMENSIONS.fullmatch(text.strip())
    if found is None:
        raise ValidationError("Length x width x height and cm or in, such as 30 x 20 x 10 cm.")
    length, width, height = (float(found[place]) for place in (1, 2, 3))
    return {"length": length, "width": width, "height": height, "unit": found[4]}


def _parts(text: str) -> list[tuple[int, str]]:
    """Each disclosure with the line it begins in, counted from 1."""
    found: list[tuple[int, list[str]]] = [(1, [])]
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() == BETWEEN:
            found.append((number + 1, []))
        else:
            found[-1][1].append(line)
    return [(start, "\n".join(lines)) for start, lines in found]
