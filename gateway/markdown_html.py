"""An agent's Markdown as HTML that is safe to show: how it is set, and nothing that leads or hides (AA-073).

What comes out is paragraphs, lists, quotes, emphasis and code. Raw HTML, headings, links and pictures stay
the characters that they were written with; so do entities, which could bring back what `visible` has shown
as an escape (T52).
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from checkout.untrusted import visible
from gateway.markdown import DEEPEST, LONGEST

_STAYS_TEXT = ["html_block", "heading", "lheading", "reference", "hr", "html_inline", "link", "image"]
_parser = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST})
_parser.disable([*_STAYS_TEXT, "autolink", "entity"])


def _fence(_self: object, tokens: Sequence[Token], index: int, *_: object) -> str:
    """Code, without the class that its author would have it in."""
    return f"<pre><code>{escape(tokens[index].content)}</code></pre>\n"


_parser.add_render_rule("fence", _fence)


def shown(text: str, *, longest: int = LONGEST) -> SafeString:
    """The text as HTML, at most `longest` characters of it; "" for none."""
    clean = visible(text.replace("\r\n", "\n"), longest=longest, keep="\n\t")
    html: str = _parser.render(clean)
    return mark_safe(html)  # noqa: S308  (the parser writes every tag, and escapes the rest)
