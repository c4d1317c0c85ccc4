"""What an agent wrote, as people see it (reliability-security T51, T52)."""

from __future__ import annotations

import pytest

from checkout.untrusted import LONGEST_DATA, quoted, quoted_data, visible


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain text, ünïcödé, 日本語, 🙂", "plain text, ünïcödé, 日本語, 🙂"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u2066b\u2069", "a\\u2066b\\u2069"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\nbreak\ttab\x1b[31m\x00", "line\\u000abreak\\u0009tab\\u001b[31m\\u0000"),
        ("sep\u2028\u2029", "sep\\u2028\\u2029"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("lone \ud800", "lone \\ud800"),
        ("filler \u3164", "filler \\u3164"),
        ("private \ue000", "private \\ue000"),
    ],
)
def test_what_cannot_be_seen_is_written_out(written: str, shown: str) -> None:
    """T52: control, direction and invisible characters as escapes, ordinary writing untouched."""
    assert visible(written) == shown


def test_a_heap_of_marks_is_written_out_beyond_what_writing_needs() -> None:
    """T52: 10,000 combining marks cover nothing beside them."""
    shown = visible("e" + "\u0301" * 10_000)

    assert shown.startswith("e\u0301\u0301\u0301\u0301\\u0301")
    assert shown.count("\u0301") == 4
    assert shown.endswith("… (10,001 characters)")


def test_long_text_ends_with_its_length() -> None:
    assert visible("x" * 301) == "x" * 300 + "… (301 characters)"
    assert visible("x" * 300) == "x" * 300


def test_quoted_text_is_escaped_and_marked() -> None:
    """T51, T52: the frame says whose words these are, and markup in them is text."""
    html = quoted("<script>alert(1)</script>\u202e")

    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e" in html
    assert "The agent wrote" in html
    assert quoted("") == ""


def test_quoted_data_hides_nothing_and_keeps_its_layout() -> None:
    """T52: names and values alike."""
    html = quoted_data({"na\u202eme": "</pre><b>x\ny\u2067"})

    assert "na\\u202eme" in html
    assert "&lt;/pre&gt;&lt;b&gt;x\\ny\\u2067" in html
    assert html.count("\n") == 2
    assert quoted_data({}) == ""


def test_quoted_data_has_an_end() -> None:
    assert len(quoted_data({"a": "x" * (LONGEST_DATA * 3)})) < LONGEST_DATA * 2
