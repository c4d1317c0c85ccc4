"""The numbered requirements, read from the data files beside this module.

One file for each document. A table of a file is a section, in the order in which it is written:

    title = "Agentic Commerce Protocol"

    [A]
    title = "Transport"
    [A.requirements]
    ACP-001 = { level = "MUST", title = "HTTPS everywhere", allowed = "why no test proves it" }

MUST, SHOULD and MAY are the document's own words (its RECOMMENDED is a SHOULD). REC is our reading
where the document is silent.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
LEVELS = ("MUST", "SHOULD", "MAY", "REC")


class CatalogueError(Exception):
    """A data file is not in the form above, or two of them use one id."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """`allowed` says why no passing test proves it; None demands one of a MUST."""

    id: str
    level: str
    title: str
    allowed: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    letter: str
    title: str
    requirements: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    title: str
    sections: tuple[Section, ...]


def load(folder: Path = FOLDER) -> tuple[Document, ...]:
    """Every document, in the order of the file names.

    Raises CatalogueError when a file is not in the form above or an id is used twice.
    """
    documents = tuple(_document(path) for path in sorted(folder.glob("*.toml")))
    by_id(documents)
    return documents


def by_id(documents: tuple[Document, ...]) -> dict[str, Requirement]:
    """Every requirement under its id. Raises CatalogueError when two share one."""
    found: dict[str, Requirement] = {}
    for document in documents:
        for section in document.sections:
            for requirement in section.requirements:
                if requirement.id in found:
                    raise CatalogueError(f"{requirement.id} is listed twice")
                found[requirement.id] = requirement
    return found


def _document(path: Path) -> Document:
    content = tomllib.loads(path.read_text())
    title = _text(content.pop("title", None), f"{path.name}: title")
    sections = tuple(_section(f"{path.name}: {letter}", letter, data) for letter, data in content.items())
    return Document(path.stem, title, sections)


def _section(place: str, letter: str, data: object) -> Section:
    if not isinstance(data, dict) or set(data) != {"title", "requirements"}:
        raise CatalogueError(f"{place}: a section has a title and requirements, nothing else")
    if not isinstance(data["requirements"], dict):
        raise CatalogueError(f"{place}: requirements is a table")
    listed = tuple(_requirement(f"{place}: {id}", id, row) for id, row in data["requirements"].items())
    return Section(letter, _text(data["title"], f"{place}: title"), listed)


def _requirement(place: str, id: str, row: Mapping[str, object]) -> Requirement:
    if not isinstance(row, dict) or not set(row) <= {"level", "title", "allowed"}:
        raise CatalogueError(f"{place}: a requirement has a level, a title and perhaps `allowed`")
    if row.get("level") not in LEVELS:
        raise CatalogueError(f"{place}: the level is one of {', '.join(LEVELS)}")
    allowed = _text(row["allowed"], f"{place}: allowed") if "allowed" in row else None
    return Requirement(id, str(row["level"]), _text(row.get("title"), f"{place}: title"), allowed)


def _text(value: object, place: str) -> str:
    """One line that fits into a cell of a Markdown table."""
    if not isinstance(value, str) or not value.strip() or "\n" in value or "|" in value:
        raise CatalogueError(f"{place}: a line of text without '|' is needed")
    return value
