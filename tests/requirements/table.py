"""docs/requirements.md: every requirement with the tests that carry its number.

Made from what is collected, so that it is the same with and without PostgreSQL. That the tests
pass is `check.py`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.requirements.catalogue import LEVELS, Document, Requirement, Section
from tests.requirements.proofs import ROOT, Proofs

PATH = ROOT / "docs" / "requirements.md"

_HEAD = """\
# Requirements and their tests

Written by `make requirements` from the data in `tests/requirements` and the marks of the tests;
edits are lost. The last gate of `.ci/run` fails when a MUST has neither a passing test nor a reason
here, when a reason has become untrue, and when this file is out of date.

MUST, SHOULD and MAY are the document's words. REC is our reading where it is silent. "Proven" counts
the requirements with a test, "explained" those with a reason why there is none.
"""


def text(documents: tuple[Document, ...], collected: Proofs) -> str:
    """The whole file. The same arguments give the same text."""
    lines = "\n".join(line for document in documents for line in _document(document, collected))
    return f"{_HEAD}\n{lines}\n"


def _document(document: Document, proofs: Proofs) -> Iterator[str]:
    yield f"## {document.title}"
    yield ""
    yield "| section | " + " | ".join(LEVELS) + " | proven | explained | open |"
    yield "|---|" + "---|" * (len(LEVELS) + 3)
    for section in document.sections:
        yield _sum(f"[{section.letter}. {section.title}](#{_anchor(section)})", section.requirements, proofs)
    everything = tuple(row for section in document.sections for row in section.requirements)
    yield _sum("all", everything, proofs)
    for section in document.sections:
        yield ""
        yield f"### {section.letter}. {section.title}"
        yield ""
        yield "| id | level | requirement | proven by |"
        yield "|---|---|---|---|"
        for row in section.requirements:
            yield f"| {row.id} | {row.level} | {row.title} | {_proof(row, proofs)} |"


def _sum(name: str, rows: tuple[Requirement, ...], proofs: Proofs) -> str:
    proven = sum(bool(proofs.get(row.id)) for row in rows)
    explained = sum(not proofs.get(row.id) and row.allowed is not None for row in rows)
    levels = [sum(row.level == level for row in rows) for level in LEVELS]
    cells = [*levels, proven, explained, len(rows) - proven - explained]
    return f"| {name} | {' | '.join(map(str, cells))} |"


def _proof(row: Requirement, proofs: Proofs) -> str:
    tests = sorted(proofs.get(row.id, ()))
    if tests:
        return "<br>".join(_link(test) for test in tests)
    return f"not yet: {row.allowed}" if row.allowed else "open"


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[{name.rpartition('::')[2]}](../{path})"


def _anchor(section: Section) -> str:
    """As the usual renderers make it from the heading."""
    heading = f"{section.letter}. {section.title}".lower()
    return "".join(c if c.isalnum() or c == "-" else "-" for c in heading if c.isalnum() or c in " -")
