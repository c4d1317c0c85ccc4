"""What is asked again gets the same answer, and nothing long is kept for it."""

from __future__ import annotations

import pytest

from schemas import formats


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("2026-04-17T10:00:00Z", True),
        ("2026-04-17t10:00:00.5+02:00", True),
        ("2026-02-30T10:00:00Z", False),
        ("0001-01-01T00:00:00+01:00", False),
        ("2026-04-17T10:00:00." + "1" * 60 + "Z", True),
        ("2026-02-30T10:00:00." + "1" * 60 + "Z", False),
        ("2026-04-17", False),
        ("", False),
    ],
)
def test_a_moment_is_judged_alike_every_time(text: str, is_one: bool) -> None:
    assert [formats.is_date_time(text) for _ in range(3)] == [is_one] * 3


def test_an_endless_text_is_judged_and_not_kept() -> None:
    """Agents choose these texts: what is kept of them is bounded."""
    kept = formats._is_known_moment
    before = kept.cache_info().currsize

    for digits in range(100, 110):
        assert formats.is_date_time("2026-04-17T10:00:00." + "1" * digits + "Z")

    assert kept.cache_info().currsize == before
    limit = kept.cache_info().maxsize
    assert limit is not None
    assert limit * formats._LONGEST_KEPT < 100_000
