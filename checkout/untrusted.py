"""Text that an agent wrote, made fit for a person's eyes: nothing hidden, nothing that runs.

Reliability-security T51, T52. The text is only ever shown. Nothing is decided by it.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

LONGEST_TEXT = 300
LONGEST_DATA = 20_000
MOST_MARKS = 4
"""Combining marks on one letter that real writing may need; more only cover what is beside them."""

_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
# Letters and marks by category, and yet nothing is drawn for them.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def visible(text: str, *, longest: int = LONGEST_TEXT, keep: str = "") -> str:
    """`text` with every control, direction and invisible character as an escape such as \\u202e.

    At most `longest` characters of it, and then how many there were. Characters in `keep` stay
    as they are. Not HTML: escape it as usual.
    """
    shown = []
    marks = 0
    for letter in text[:longest]:
        category = unicodedata.category(letter)
        marks = marks + 1 if category.startswith("M") else 0
        hidden = category in _UNSEEN or letter in _BLANK or marks > MOST_MARKS
        shown.append(_escape(letter) if hidden and letter not in keep else letter)
    if len(text) > longest:
        shown.append(f"… ({len(text):,} characters)")
    return "".join(shown)


def quoted(text: str, *, label: str = "The agent wrote", longest: int = LONGEST_TEXT) -> SafeString:
    """`text` as HTML in a frame that says whose words these are; nothing at all when empty."""
    if not text:
        return SafeString("")
    return format_html(
        '<span class="agentic-words"><span class="agentic-whose">{}:</span> <q><bdi>{}</bdi></q></span>',
        label,
        visible(text, longest=longest),
    )


def quoted_data(value: Any, *, label: str = "As the agent sent it") -> SafeString:
    """JSON data as HTML behind a fold, in the same kind of frame; nothing at all when empty."""
    if not value:
        return SafeString("")
    # JSON has escaped the line breaks inside strings: those that are left are the layout's.
    text = visible(json.dumps(value, ensure_ascii=False, indent=2), longest=LONGEST_DATA, keep="\n")
    return format_html(
        '<details class="agentic-words"><summary class="agentic-whose">{}</summary>'
        "<pre><bdi>{}</bdi></pre></details>",
        label,
        text,
    )


def _escape(letter: str) -> str:
    code = ord(letter)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
