"""An agent's Markdown as people are shown it (AA-073, T51, T52)."""

from __future__ import annotations

import re

import pytest

from gateway import markdown_html
from gateway.markdown import LONGEST

ALLOWED = {"p", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "br"}


@pytest.mark.requirement("AA-073")
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("**a** *b* `c`", "<p><strong>a</strong> <em>b</em> <code>c</code></p>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("> a", "<blockquote>\n<p>a</p>\n</blockquote>\n"),
        ("# a", "<p># a</p>\n"),
        ("a\n---", "<p>a\n---</p>\n"),
        ("<b>a</b>", "<p>&lt;b&gt;a&lt;/b&gt;</p>\n"),
        ("[a](https://evil.example)", "<p>[a](https://evil.example)</p>\n"),
        ("<https://evil.example>", "<p>&lt;https://evil.example&gt;</p>\n"),
        ("![a](x.png)", "<p>![a](x.png)</p>\n"),
        ("[a]\n\n[a]: https://evil.example", "<p>[a]</p>\n<p>[a]: https://evil.example</p>\n"),
        ("&#8238;&lt;b&gt;", "<p>&amp;#8238;&amp;lt;b&amp;gt;</p>\n"),
        ("\u202ea\u200b", "<p>\\u202ea\\u200b</p>\n"),
        ('```x" onclick=y\n<i>\n```', "<pre><code>&lt;i&gt;\n</code></pre>\n"),
        ("", ""),
    ],
    ids=str,
)
def test_it_is_set_and_leads_nowhere(written: str, shown: str) -> None:
    assert markdown_html.shown(written) == shown


@pytest.mark.requirement("AA-073")
@pytest.mark.parametrize(
    "written",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<!-- a --><?php ?><![CDATA[x]]>",
        "**<svg/onload=x>**",
        "- <a href='javascript:x'>a</a>",
        "> " * 60 + "<b>",
        "`<b>`" + "*" * 500,
        "a" * (LONGEST + 1) + "<b>",
        "[" * 2_000,
    ],
    ids=lambda text: text[:12],
)
def test_no_tag_is_the_authors(written: str) -> None:
    shown = markdown_html.shown(written)

    assert set(re.findall(r"</?([a-z0-9]+)", shown)) <= ALLOWED
    assert re.findall(r"<[a-z]+ [^>]*>", shown) == []
    assert "<!" not in shown
    assert "<?" not in shown
