"""Markdown as ACP allows it: CommonMark without raw HTML (ACP-288 to ACP-290).

A parser judges, because only a parser knows that `<https://shop.example>` is a link and that a tag
in a code span is text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

LONGEST = 5_000
"""Characters of one text; beyond that it is not judged, and not shown as Markdown."""

DEEPEST = 40
"""Quotes and lists inside each other. The parser stops there, and what it did not read could be
anything."""

_BREAKS = frozenset({"softbreak", "hardbreak"})
_parser = MarkdownIt("commonmark", {"maxNesting": DEEPEST})


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a text is no Markdown that ACP allows, and in which line, counted from 1."""

    reason: str
    line: int

    def __str__(self) -> str:
        return f"Line {self.line}: {self.reason}"


def flaw(text: str) -> Flaw | None:
    """What keeps the text from being shown as Markdown; None when nothing does."""
    if len(text) > LONGEST:
        return Flaw(f"more than {LONGEST} characters cannot be read.", 1)
    for token in _parser.parse(text):
        first = (token.map[0] if token.map else 0) + 1
        if token.level >= DEEPEST - 1:
            return Flaw("quotes and lists are nested too deeply.", first)
        if token.type == "html_block":
            return Flaw("raw HTML is not allowed in Markdown.", first)
        for line in _html_lines(token.children or (), first):
            return Flaw("raw HTML is not allowed in Markdown.", line)
    return None


@lru_cache(maxsize=1_000)
def is_shown_as(content_type: str, text: str) -> str:
    """`markdown` when the text is that and may be; else `plain`, which formats nothing (ACP-289,
    ACP-291). Remembered, because the same few texts are on every answer."""
    return "markdown" if content_type == "markdown" and flaw(text) is None else "plain"


def _html_lines(tokens: Sequence[Token], line: int) -> Iterator[int]:
    """The lines of raw HTML among inline tokens, also in the description of a picture."""
    for token in tokens:
        if token.type == "html_inline":
            yield line
        yield from _html_lines(token.children or (), line)
        line += token.type in _BREAKS
