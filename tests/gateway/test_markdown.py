"""Which Markdown may be shown (ACP-288 to ACP-290)."""

from __future__ import annotations

import pytest

from gateway import markdown
from gateway.markdown import Flaw, flaw

HTML = "raw HTML is not allowed in Markdown."

LEGAL = [
    "Plain words.",
    "**Bold**, *italic*, [link](https://shop.example), ![picture](https://shop.example/x.png)",
    "<https://shop.example> and <help@shop.example>",
    "`<b>` is a tag, ``<!-- this -->`` a comment",
    "    <div>indented code</div>",
    "```\n<script>alert(1)</script>\n```",
    "1 < 2 > 1, a<b, AT&T, &lt;b&gt; and \\<b>",
    "[a](<b> 'the target in brackets')",
    "",
]

REFUSED = [
    ("<b>bold</b>", 1),
    ("one\ntwo <br> three", 2),
    ("one\n\n<div>\nblock\n</div>", 3),
    ("a  \nb <i>c</i>", 2),
    ("> * a quote\n>   with <u>it</u>", 2),
    ("text <!-- comment -->", 1),
    ("<?php echo 1 ?>", 1),
    ("<![CDATA[x]]>", 1),
    ("<!DOCTYPE html>", 1),
    ("[a <b>link</b>](https://shop.example)", 1),
    ("![a\n<b>picture</b>](https://shop.example)", 2),
    ("![![<b>deep</b>](x)](y)", 1),
    ("<script>alert(1)</script>", 1),
    ("</b>", 1),
    ("<custom-tag attribute>", 1),
]


@pytest.mark.requirement("ACP-288", "ACP-290")
@pytest.mark.parametrize("text", LEGAL)
def test_commonmark_without_html_is_shown(text: str) -> None:
    """A pattern that looks for angle brackets would refuse half of these."""
    assert flaw(text) is None
    assert markdown.is_shown_as("markdown", text) == "markdown"


@pytest.mark.requirement("ACP-288", "ACP-289", "ACP-290")
@pytest.mark.parametrize(("text", "line"), REFUSED)
def test_html_is_found_with_its_line(text: str, line: int) -> None:
    assert flaw(text) == Flaw(HTML, line)
    assert markdown.is_shown_as("markdown", text) == "plain"


@pytest.mark.requirement("ACP-289")
@pytest.mark.parametrize("begin", [">", "- ", "1. ", "> - "])
def test_html_cannot_hide_below_what_the_parser_reads(begin: str) -> None:
    """It stops at a depth; another reader of the same text may not."""
    for depth in range(1, 80):
        assert flaw(begin * depth + "<b>x</b>") is not None, depth


@pytest.mark.requirement("ACP-289")
def test_what_is_too_long_is_not_judged() -> None:
    assert flaw("x" * markdown.LONGEST) is None
    assert flaw("x" * (markdown.LONGEST + 1)) is not None


@pytest.mark.requirement("ACP-291")
@pytest.mark.parametrize("text", [*LEGAL, *(text for text, _ in REFUSED)])
def test_plain_stays_plain(text: str) -> None:
    assert markdown.is_shown_as("plain", text) == "plain"
