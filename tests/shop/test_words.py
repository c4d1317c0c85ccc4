from __future__ import annotations

import pytest

from gateway.shop.words import search_text, words


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("mugs", "mug"),
        ("batteries", "battery"),
        ("boxes", "box"),
        ("watches", "watch"),
        ("glasses", "glass"),
        ("cases", "case"),
        ("shoes", "shoe"),
        ("BRUSHES", "brush"),
    ],
)
def test_a_plural_is_the_same_word_as_its_singular(plural: str, singular: str) -> None:
    """Search is plural-tolerant: mugs finds a mug."""
    assert words(plural) == words(singular)


@pytest.mark.parametrize("word", ["glass", "bus", "iris", "gas", "ss", "s"])
def test_what_only_looks_like_a_plural_stays(word: str) -> None:
    assert words(word) == [word]


def test_words_are_lower_case_and_without_accents_or_marks() -> None:
    assert words("Crème-Brûlée, STRASSE/straße & item_mug 42%") == [
        "creme",
        "brulee",
        "strasse",
        "strasse",
        "item",
        "mug",
        "42",
    ]


def test_a_search_text_keeps_the_title_apart_and_first() -> None:
    assert (
        search_text("Blue Mugs", ("For tea|coffee.", "", "Kitchen")) == " blue mug | for tea coffee kitchen "
    )
